"""What a hint may look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lab.record.lead import Lead
from lab.record.verdict import Verdict
from lab.ruleset.held import Chains
from lab.written.cell import Expectation
from lab.written.topology import Topology

NO_CHAINS: Chains = {}


def no_route(_node: str, _address: str, _source: str | None, _mark: int) -> Lead | None:
    """Nobody can be asked."""
    return None


@dataclass(frozen=True, slots=True)
class Case:
    """A verdict that is not as expected, and all that may be looked at to say why.

    ``at`` is the node under test, ``held`` what nodes hold, by name; ``sysctls`` are those that the lab wrote in each node, by
    their dotted names, ``ipsets`` what ``ipset save`` prints of each node's sets.  ``ask_route`` asks the kernel of a node how
    it would send to an address, from a source of its own (None: any) and with a mark; None where it cannot be asked.
    ``later`` is what of a flow under way it is (``answer``, ``data``, ``FIN``); empty of a flow's first packet.
    """

    verdict: Verdict
    expect: Expectation
    at: str
    topology: Topology
    held: Mapping[str, Chains] = field(default_factory=dict)
    sysctls: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    ipsets: Mapping[str, str] = field(default_factory=dict)
    ask_route: Callable[[str, str, str | None, int], Lead | None] = no_route
    later: str = ""

    @property
    def should_pass(self) -> bool:
        """Whether it was to come through."""
        return self.expect.action == "allow"

    @property
    def family(self) -> int:
        """4 or 6."""
        return self.verdict.observation.sent.family

    def chains(self, node: str) -> Chains:
        """What a node holds; empty of one without rules."""
        return self.held.get(node, NO_CHAINS)
