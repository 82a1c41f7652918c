"""Asks the questions of cells, each in the lab that its isolation asks for: shared, clean or fresh."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from lab.probe.question import Question
from lab.record.verdict import Kind, Verdict
from lab.ruleset.held import HeldRule
from lab.ruleset.whims import whim_of
from lab.run.isolation import Isolation
from lab.run.labs import Labs
from lab.verdict.cell_result import Tally
from lab.written.cell import Cell

LONG = 100  # ports that are asked one by one: how far they are is told
REPEATS = 1  # of a question whose measurement failed


class Asker:
    """What the ways of a plan's cells ask with.

    ``today`` decides what is overdue; ``ports`` is told the id of a cell that takes long, how many of its ports are done, and
    of how many.  ``repeats`` counts what was sent again.
    """

    def __init__(self, labs: Labs, today: datetime.date, ports: Callable[[str, int, int], None]) -> None:
        self.labs = labs
        self.repeats = 0
        self._today = today
        self._ports = ports
        self._remembering: dict[str, tuple[HeldRule, ...]] = {}  # by id: a flow's way is searched once, not for each question

    @property
    def isolation(self) -> Isolation:
        """Which cells may meet a rule that remembers what it saw."""
        return Isolation(self.labs.shared.rules_that_remember)

    def remembering(self, cell: Cell) -> tuple[HeldRule, ...]:
        """The rules on the way of ``cell`` that remember what they saw; where there is none, it may share a lab."""
        found = self._remembering.get(cell.id)
        if found is None:
            found = self._remembering[cell.id] = self.isolation.in_the_way(cell)
        return found

    def tally(self, cell: Cell) -> Tally:
        """An empty tally for ``cell``, with a warning of each rule on its way that decides by no packet's own."""
        tally = Tally(cell, self._today)
        for rule in self.remembering(cell):
            if (whim := whim_of(rule.text)) is not None:
                tally.warn(f"{whim}: {rule.text}")
        return tally

    def ask(self, cell: Cell, question: Question) -> Verdict:
        """Ask in the lab that cells share, or where a rule remembers what it saw in a clean one."""
        if self.remembering(cell):
            return self.ask_clean(cell, question)
        return self.labs.shared.ask(question, cell.at, closely=False)

    def ask_clean(self, cell: Cell, question: Question, *, keep: bool = False) -> Verdict:
        """Ask on nodes on which no rule remembers anything; they are used again until a packet comes as far as such a rule.

        With ``keep`` they are used again even then.
        """
        for _ in range(REPEATS + 1):
            verdict = self.labs.clean.ask(question, cell.at, closely=True)
            if verdict.kind is Kind.LOST or (not keep and self.touched(cell, verdict)):
                self.labs.drop_clean()
            if not verdict.observation.faults:
                break
            self.repeats += 1
        return verdict

    def ask_fresh(self, cell: Cell, question: Question) -> Verdict:
        """Ask on nodes that nothing was asked on, and nothing else will be."""
        with self.labs.fresh() as fresh:
            return fresh.ask(question, cell.at, closely=True)

    def touched(self, cell: Cell, verdict: Verdict) -> bool:
        """Whether a packet of the probe came as far as a rule that remembers."""
        return self.isolation.touched(cell, verdict)

    def tell(self, cell: Cell, done: int, of: int) -> None:
        """Tell how far a cell of many ports is, at each tenth."""
        if of >= LONG and done % (of // 10) == 0 and done < of:
            self._ports(cell.id, done, of)
