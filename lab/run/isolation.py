"""Which cells may meet a rule that remembers what it saw, and whether one of their packets did."""

from __future__ import annotations

from lab.record.verdict import Verdict
from lab.ruleset.held import HeldRule
from lab.ruleset.memories import Flow, Memories
from lab.ruleset.touches import met_by
from lab.written.cell import Cell
from lab.written.expect.logged import LOGGED


class Isolation:
    """Asks for cells what `Memories` says of flows."""

    def __init__(self, rules: Memories) -> None:
        self._rules = rules

    def in_the_way(self, cell: Cell) -> tuple[HeldRule, ...]:
        """The rules with a state of their own, and a say, that some packet of ``cell`` may meet."""
        return tuple(rule for _, rule in self._rules.rules_in_the_way(_flow(cell)))

    def log_is_limited(self, cell: Cell) -> bool:
        """Whether the cell expects a log that a rate-limited rule writes."""
        return cell.expect.get(LOGGED) is not None and bool(self._rules.rules_in_the_way(_flow(cell), logs=True))

    def touched(self, cell: Cell, verdict: Verdict) -> bool:
        """Whether a packet of the (fully traced) probe came as far as one of these rules."""
        seen = verdict.observation
        return met_by(self._rules.rules_in_the_way(_flow(cell)), (*seen.request, *seen.answer, *seen.others)) is not None


def _flow(cell: Cell) -> Flow:
    return Flow(cell.family, cell.service.proto, cell.service.ports, (cell.sender.node, cell.target.node))
