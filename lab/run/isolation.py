"""Which cells may meet a rule that remembers what it saw, and whether one of their packets did."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from lab.kernel.read_back import LoadedPolicy
from lab.record.path import Path
from lab.record.verdict import Verdict
from lab.ruleset.nft.stateful import NativeStatefulRules
from lab.ruleset.rule import SavedRule
from lab.ruleset.save import Ruleset
from lab.ruleset.stateful import StatefulRules
from lab.spec.cell import Cell
from lab.spec.topology import Topology

_FORWARDED = ("PREROUTING", "FORWARD", "OUTPUT", "POSTROUTING")  # OUTPUT, as a REJECT's answer is the node's own
_ALL = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
_TO_ITSELF = frozenset({"REDIRECT", "TPROXY"})


class Isolation:
    """Reads the rulesets before anything is sent: a rule with limit, recent and the like could make a cell see another."""

    def __init__(self, topology: Topology, policies: Mapping[str, LoadedPolicy]) -> None:
        self._topology = topology
        self._stateful: dict[tuple[str, int], StatefulRules] = {}
        self._native: dict[tuple[str, int], NativeStatefulRules] = {}
        self._to_itself: set[tuple[str, int]] = set()
        for node, policy in policies.items():
            for family, ruleset in policy.saved.items():
                self._stateful[node, family] = StatefulRules(ruleset)
                if self._may_turn_to_itself(node, family, ruleset):
                    self._to_itself.add((node, family))
            if policy.native is not None:
                for family in (4, 6):
                    self._native[node, family] = NativeStatefulRules(policy.native, family)
                    self._to_itself.add((node, family))

    def in_the_way(self, cell: Cell) -> tuple[SavedRule, ...]:
        """The rules with a state of their own, and a say, that some packet of ``cell`` may meet."""
        return tuple(rule for _, rule in self._met(cell, logs=False))

    def log_is_limited(self, cell: Cell) -> bool:
        """Whether the cell expects a log that a rate-limited rule writes."""
        return cell.expect.logged is not None and any(self._met(cell, logs=True))

    def touched(self, cell: Cell, verdict: Verdict) -> bool:
        """Whether a packet of the (fully traced) probe came as far as one of these rules: it then has another state now."""
        seen = verdict.observation
        paths = (*seen.request, *seen.answer, *seen.others)
        return any(
            _reached(path, rule) >= rule.number
            for node, rule in self._met(cell, logs=False)
            for path in paths
            if path.node == node
        )

    def _met(self, cell: Cell, *, logs: bool) -> Iterator[tuple[str, SavedRule]]:
        for (node, family), rules in self._stateful.items():
            if family == cell.family:
                chains = self._chains(cell, node)
                for rule in rules.in_the_way(chains, cell.service.proto, cell.service.ports, logs=logs):
                    yield node, rule
        for (node, family), native in self._native.items():
            if family == cell.family:
                for rule in native.in_the_way(self._chains(cell, node), logs=logs):
                    yield node, rule

    def _chains(self, cell: Cell, node: str) -> tuple[str, ...]:
        """The base chains that the cell may enter at ``node``: INPUT only where its address is the node's, or may become so."""
        at_an_end = node in (cell.sender.node, cell.target.node)
        return _ALL if at_an_end or (node, cell.family) in self._to_itself else _FORWARDED

    def _may_turn_to_itself(self, node: str, family: int, ruleset: Ruleset) -> bool:
        own = self._topology.addresses(node, family)
        return any(
            rule.target in _TO_ITSELF or (rule.target == "DNAT" and (rule.to is None or _address_in(rule.to) in own))
            for rule in ruleset.rules()
        )


def _address_in(to: str) -> str:
    """The address of ``10.0.2.10:8443`` or ``[2001:db8::10]:8443``."""
    return to[1:].partition("]")[0] if to.startswith("[") else to if to.count(":") > 1 else to.partition(":")[0]


def _reached(path: Path, rule: SavedRule) -> float:
    """How far the packet came in the rule's chain: the last rule that matched, or the chain's end."""
    numbers = [
        math.inf if step.rule is None or step.rule.number is None else step.rule.number
        for step in path.steps
        if (step.table, step.chain) == (rule.table, rule.chain)
    ]
    return max(numbers, default=0)
