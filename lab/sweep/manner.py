"""In which manner a sweep can prove what it says, by what the rules on its way may do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from lab.kernel.hold.held import Held
from lab.record.sweep import Gear
from lab.ruleset.hazards import Hazards

_COUNTABLE = 4096  # rules of one node, above which reading their counters takes longer than tracing


@dataclass(frozen=True, slots=True)
class Manner:
    """``gear`` is the one that can prove, with ``notes`` where it is not the one that was wanted.

    ``by_rule`` tells that the rules' own counters are read.  ``varied`` gives every packet a source port of its own, ``alone``
    has each at rest and forgotten before the next.
    """

    gear: Gear
    notes: tuple[str, ...] = ()
    by_rule: bool = False
    varied: bool = False
    alone: bool = False


def choose(
    wanted: Gear, policies: Collection[Held], hazards: Hazards, *, remembering: bool, by_chance: bool, bridged: bool = False
) -> Manner:
    """The manner of a sweep through these policies; past rules that remember what they saw, or that decide by chance.

    ``bridged`` tells that a node is a bridge: what is dropped in its hooks is counted nowhere.
    """
    traces = any(policy.traces for policy in policies)
    deceived = remembering or by_chance or hazards.queues or hazards.answers or hazards.copies or traces or bridged
    countable = not deceived and all(map(_is_countable, policies))
    varied = hazards.translates and not hazards.reads_source_ports
    alone = hazards.translates and hazards.reads_source_ports
    if wanted is Gear.VERDICT:
        for why, found in (
            ("a rule on the way remembers what it saw", remembering),
            ("a rule on the way decides by chance", by_chance),
            ("a rule hands packets to a queue", hazards.queues),
            ("a rule takes packets over to answer them itself", hazards.answers),
            ("a rule copies packets", hazards.copies),
            ("a rule rejects, and not every rule has a counter", hazards.rejects and not countable),
            ("a rule traces packets by itself", traces),
            ("a node is a bridge", bridged),
        ):
            if found:
                return Manner(Gear.RULE, (f"swept in the rule gear: {why}",), countable, varied, alone)
    return Manner(wanted, (), countable if wanted is Gear.RULE else hazards.rejects, varied, alone)


def _is_countable(policy: Held) -> bool:
    """Whether every rule has a counter, and they are few enough to be read often.

    A policy has none: where one outside the filter table drops, counters do not tell which of several at a hook it was.
    """
    if not policy.counts_all or len(policy.index) > _COUNTABLE:
        return False
    return not any(chain.policy == "DROP" and chain.table != "filter" for chain in policy.chains.values())
