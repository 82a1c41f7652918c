"""The matrices of a change asked of the lab that stands, whoever put its rules there."""

from __future__ import annotations

from collections.abc import Sequence

from lab.errors import Interrupted
from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.record.difference import RowOutcome
from lab.record.progress import Progress
from lab.record.result import CellResult
from lab.report.progress import NoProgress
from lab.run.runner import Order, run_plan
from lab.study.change.rows import Ended, held_outcomes, row_outcomes
from lab.study.rehearse.prepared import Prepared


class Asked:
    """What was asked of ``lab``, and what stopped it."""

    def __init__(self, lab: Lab, ready: Prepared) -> None:
        self._lab, self._ready = lab, ready
        self._listener: Progress = NoProgress()
        self.ended = Ended()

    def holds(self, plans: Sequence[Plan]) -> tuple[RowOutcome, ...]:
        """Of each cell whether it holds."""
        return tuple(held_outcomes(plans, self.ended, self._listener, on=self._lab))

    def go_on(self) -> None:
        """Raise Interrupted where a signal came while something was asked: what is asked takes it for itself."""
        if self.ended.signal is not None:
            raise Interrupted(self.ended.signal - 128)

    def rows(self, *, afterwards: bool) -> list[CellResult]:
        """The results of the change's own rows, before or ``afterwards``."""
        scene = self._ready.sides.new if afterwards else self._ready.sides.old
        if not self._ready.intended:
            return []
        return list(self.ended.by(run_plan(self._ready.intended_on(scene), Order(), self._listener, on=self._lab)).results)

    def intended(self, before: Sequence[CellResult]) -> tuple[RowOutcome, ...]:
        """Whether each row was false before, and is true now."""
        if not self._ready.intended:
            return ()
        return tuple(row_outcomes(self._ready.intended, before, self.rows(afterwards=True)))
