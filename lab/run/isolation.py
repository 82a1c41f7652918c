"""Which cells need nodes of their own: those whose way leads past a rule that remembers what it saw."""

from __future__ import annotations

from collections.abc import Mapping

from lab.ruleset.save import Ruleset
from lab.ruleset.stateful import StatefulRules
from lab.spec.cell import Cell

_CHAINS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")


class Isolation:
    """Read from the rulesets before anything is sent."""

    def __init__(self, rulesets: Mapping[str, Ruleset]) -> None:
        self._stateful = [StatefulRules(ruleset) for ruleset in rulesets.values()]

    def needs_fresh_nodes(self, cell: Cell) -> bool:
        """Whether the cell could meet a rule with state of its own (limit, recent, …) that decides its fate."""
        return self._meets(cell, logs=False)

    def log_is_limited(self, cell: Cell) -> bool:
        """Whether the cell expects a log that a rate-limited rule writes."""
        return cell.expect.logged is not None and self._meets(cell, logs=True)

    def _meets(self, cell: Cell, *, logs: bool) -> bool:
        proto, ports = cell.service.proto, cell.service.ports
        return any(rules.in_the_way(_CHAINS, proto, ports, logs=logs) for rules in self._stateful)
