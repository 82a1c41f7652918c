"""Asks the questions of cells in the lab that they share."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from lab.probe.question import Question
from lab.record.verdict import Verdict
from lab.ruleset.whims import whim_of
from lab.run.labs import Labs
from lab.run.questions import first_question
from lab.verdict.cell_result import Tally
from lab.written.cell import Cell
from lab.written.expect.logged import LOGGED

LONG = 100  # ports that are asked one by one: how far they are is told


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

    def tally(self, cell: Cell) -> Tally:
        """An empty tally for ``cell``, with a warning of each rule on its way that decides by no packet's own."""
        tally = Tally(cell, self._today)
        for text in self.labs.shared.whims(first_question(cell), cell.service.ports):
            tally.warn(f"{whim_of(text)}: {text}")
        return tally

    def ask(self, cell: Cell, question: Question, *, logs: bool = False) -> Verdict:
        """The verdict of a question as if it were the first; with ``logs`` also what is logged."""
        return self.labs.shared.ask(question, cell.at, logs=logs)

    def log_is_limited(self, cell: Cell) -> bool:
        """Whether a log that the cell expects may be missing for what others were logged before."""
        if cell.expect.get(LOGGED) is None:
            return False
        return self.labs.shared.remembers(first_question(cell), cell.service.ports, logs=True)

    def tell(self, cell: Cell, done: int, of: int) -> None:
        """Tell how far a cell of many ports is, at each tenth."""
        if of >= LONG and done % (of // 10) == 0 and done < of:
            self._ports(cell.id, done, of)
