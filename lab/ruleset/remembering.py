r"""Which flows may meet a rule that remembers what it saw, and whether a packet did.

>>> from lab.ruleset.held_save import chains_of_save
>>> from lab.ruleset.save import read_save
>>> from lab.written.expect.example import PASSED
>>> text = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m limit --limit 5/min -j ACCEPT\nCOMMIT"
>>> rules = RememberingRules(topology, {"gateway": chains_of_save("ip", read_save(text))})
>>> in_the_way = rules.in_the_way(Flow(4, "tcp", ((443, 443),), ("world", "web")))
>>> met_by(in_the_way, PASSED.path)[1].text
'-A FORWARD -m limit --limit 5/min -j ACCEPT'
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from lab.record.path import Path
from lab.ruleset.held import Chains, HeldRule, rules_of
from lab.ruleset.nft.rule import new_destination
from lab.ruleset.rule import Ports
from lab.ruleset.stateful import StatefulRules
from lab.written.cell import FAMILIES
from lab.written.topology import Topology

_FORWARDED = ("PREROUTING", "FORWARD", "OUTPUT", "POSTROUTING")  # OUTPUT, as a REJECT's answer is the node's own
_ALL = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
_TO_ITSELF = frozenset({"REDIRECT", "TPROXY", "redirect", "tproxy"})


class Flow(NamedTuple):
    """What of a flow decides which rules it may meet; ``ends`` are the nodes that send and are sent to."""

    family: int
    proto: str
    ports: Ports
    ends: Collection[str | None]


class RememberingRules:
    """Reads the rules of all nodes once: a rule with limit, recent and the like could make a flow see another."""

    def __init__(self, topology: Topology, held: Mapping[str, Chains]) -> None:
        self._stateful: dict[tuple[str, int], StatefulRules] = {}
        self._to_itself: set[tuple[str, int]] = set()
        for node, chains in held.items():
            for family in FAMILIES:
                self._stateful[node, family] = StatefulRules(chains, family)
                own = topology.addresses(node, family)
                if any(_may_turn_to(rule, own) for rule in rules_of(chains, family)):
                    self._to_itself.add((node, family))

    @property
    def any(self) -> bool:
        """Whether there is such a rule at all, be it one that merely logs."""
        return any(rules.any for rules in self._stateful.values())

    def in_the_way(self, flow: Flow, *, logs: bool = False) -> tuple[tuple[str, HeldRule], ...]:
        """The rules with a state of their own that some packet of the flow may meet, each with its node.

        A rule that merely logs has no say in the flow's fate: it counts only with ``logs``.
        """
        return tuple(
            (node, rule)
            for (node, family), rules in self._stateful.items()
            if family == flow.family
            for rule in rules.in_the_way(self._chains(flow, node), flow.proto, flow.ports, logs=logs)
        )

    def _chains(self, flow: Flow, node: str) -> tuple[str, ...]:
        """The base chains that the flow may enter at ``node``: INPUT only where its address is the node's, or may become so."""
        return _ALL if node in flow.ends or (node, flow.family) in self._to_itself else _FORWARDED


def _may_turn_to(rule: HeldRule, own: Collection[str]) -> bool:
    """Whether the rule may send a packet to one of these addresses, its node's own, or to a socket of the node."""
    if not rule.statements.isdisjoint(_TO_ITSELF):
        return True
    if rule.target == "dnat":
        address = new_destination(rule.text).address
        return address is None or address in own or "-" in address
    return rule.target == "DNAT" and (rule.to is None or (at := _address_in(rule.to)) in own or "-" in at)


def met_by(rules: Iterable[tuple[str, HeldRule]], paths: Collection[Path]) -> tuple[str, HeldRule] | None:
    """The first of the ``rules`` that one of the packets came as far as: it then has another state than before."""
    return next(
        (
            (node, rule)
            for node, rule in rules
            for path in paths
            if path.node == node and _reached(path, rule) >= rule.number
        ),
        None,
    )


def _address_in(to: str) -> str:
    """The address of ``10.0.2.10:8443`` or ``[2001:db8::10]:8443``."""
    return to[1:].partition("]")[0] if to.startswith("[") else to if to.count(":") > 1 else to.partition(":")[0]


def _reached(path: Path, rule: HeldRule) -> float:
    """How far the packet came in the rule's chain: the last rule that matched, or the chain's end."""
    numbers = [
        math.inf if step.rule is None or step.rule.number is None else step.rule.number
        for step in path.steps
        if (step.table, step.chain) == (rule.table, rule.chain)
    ]
    return max(numbers, default=0)
