"""Asks the questions of cells in the lab that they share."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace

from lab.lab import Lab
from lab.probe.question import Question
from lab.record.result import CellResult, Outcome
from lab.record.verdict import Verdict
from lab.ruleset.whims import whim_of
from lab.run.after.kernel_source import Sources
from lab.run.after.source_ports import from_cell
from lab.run.after.why import hints
from lab.run.labs import Labs
from lab.run.questions import first_question
from lab.verdict.cell_result import Tally
from lab.written.cell import Cell
from lab.written.expect.logged import LOGGED


class Asker:
    """What the ways of a plan's cells ask with.

    ``today`` decides what is overdue; ``heard`` is told the id of the cell that is asked, how many of its ports are done, and
    of how many: when it begins, and whenever some are done.  ``repeats`` counts what was sent again; ``under_way`` is the tally
    of the cell that was begun last.
    """

    def __init__(self, labs: Labs, sources: Sources, today: datetime.date, heard: Callable[[str, int, int], None]) -> None:
        self.labs = labs
        self.today = today
        self.repeats = 0
        self._sources = sources
        self._heard = heard
        self.under_way: Tally | None = None

    def tally(self, cell: Cell) -> Tally:
        """An empty tally for ``cell``, with a warning of each rule on its way that decides by no packet's own."""
        self.under_way = tally = Tally(cell, self.today)
        self.tell(cell, 0)
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

    def log_is_read(self, cell: Cell) -> bool:
        """Whether the paths of its first packets do not tell of the log that the cell expects."""
        logged = cell.expect.get(LOGGED)
        return logged is not None and (logged.times is not None or self.labs.shared.logs_messages)

    def told(self, lab: Lab, cell: Cell, tally: Tally) -> CellResult:
        """The cell's result, with what its reader must know besides, and why it is so where it is not as expected.

        ``lab`` is the one that it was asked in.
        """
        for words in from_cell(lab, cell, tally.verdicts, lambda question: self.ask(cell, question)):
            tally.note(words)
        data = bool(cell.payload) or cell.packet is not None
        for words in lab.absences.behind(tally.verdicts, cell.sender.node, as_user=cell.uid is not None, with_data=data):
            tally.warn(words)
        result = self._sources.mark(lab, cell, tally.result())
        if result.outcome is Outcome.PASSED:
            return result
        return replace(result, hints=hints(lab, result.verdict, cell.expect, cell.at))

    def tell(self, cell: Cell, done: int) -> None:
        """Tell how many of its ports are done."""
        self._heard(cell.id, done, cell.service.port_count)
