"""Every packet of every flow that a rule logs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from lab.errors import LabError
from lab.prepare.plan import Plan
from lab.record.logs import LogMessage
from lab.record.progress import Progress
from lab.record.result import CellResult, RunResult
from lab.run.runner import Order, run
from lab.written.cell import Cell
from lab.written.expect.logged import LOGGED, LoggedSpec, Times

_AT_ALL = LoggedSpec(times=Times())


class Logged(NamedTuple):
    """A packet of a cell that was logged, told ``time_s`` seconds after the beginning of 1970."""

    cell: CellResult
    message: LogMessage
    time_s: float


class _Heard:
    """Passes a run's progress on, and what was logged of each cell that is done."""

    def __init__(self, progress: Progress, hear: Callable[[Logged], None]) -> None:
        self._hear = hear
        self.started, self.asking, self.finished = progress.started, progress.asking, progress.finished
        self._cell = progress.cell

    def cell(self, result: CellResult) -> None:
        """Told a result."""
        now = time.time()
        for message in result.logged:
            self._hear(Logged(result, message, now))
        self._cell(result)


def tail(
    plans: Sequence[Plan], progress: Progress, hear: Callable[[Logged], None], before: Sequence[LabError] = ()
) -> RunResult:
    """Run the plans, and give ``hear`` each packet that was logged, as soon as it is proven that the instrument saw all.

    ``before`` is as `lab.run.runner.run` has it.  What rows say of their logs is not held against them.
    """
    return run([_asking(plan) for plan in plans], Order(), _Heard(progress, hear), before)


def _asking(plan: Plan) -> Plan:
    return replace(plan, cells=tuple(_asked(cell) for cell in plan.cells))


def _asked(cell: Cell) -> Cell:
    return replace(cell, expect=replace(cell.expect, further={**cell.expect.further, LOGGED.name: _AT_ALL}))
