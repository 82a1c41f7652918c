"""The rows of a drill, and matrices that it names, asked of the lab as it is now."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lab.errors import Interrupted, MeasurementError, Problem
from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.record.progress import Progress
from lab.record.result import CellResult, Outcome
from lab.run.runner import Order, run_plan


class _Silent:
    """Tells nobody."""

    def started(self, cells: int) -> None:
        """As `Progress`."""

    def cell(self, result: CellResult) -> None:
        """As `Progress`."""

    def asking(self, cell_id: str, ahead: int, done: int, of: int) -> None:
        """As `Progress`."""

    def finished(self) -> None:
        """As `Progress`."""


SILENT: Progress = _Silent()


@dataclass(frozen=True, slots=True)
class Asked:
    """What rows came to: the ``results`` of their cells."""

    results: tuple[CellResult, ...]

    @property
    def green(self) -> bool:
        """Whether every cell is as expected."""
        return not self.red

    @property
    def red(self) -> tuple[CellResult, ...]:
        """The cells that are not."""
        return tuple(one for one in self.results if one.outcome is not Outcome.PASSED)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the red cells."""
        return tuple(one.id for one in self.red)


def ask(plan: Plan, lab: Lab, *, first: bool = False) -> Asked:
    """Ask its cells; raises MeasurementError where one could not be measured: that is neither green nor red.

    With ``first`` those behind a red one need not be asked.  A cell that gets a lab of its own gets one with the rules that
    are in force.
    """
    if not plan.cells:
        return Asked(())
    in_force = {name: held.in_force for name, held in lab.policies.items()}
    done = run_plan(replace(plan, policies={**plan.policies, **in_force}), Order(first=first), SILENT, on=lab)
    if done.interrupted is not None:
        raise Interrupted(done.interrupted - 128)
    if done.problems:
        raise MeasurementError(one.problem for one in done.problems)
    lost = [one for one in done.results if one.outcome is Outcome.ERROR]
    if lost:
        raise MeasurementError(Problem(f"{one.id} could not be measured: {one.verdict.proof}") for one in lost)
    return Asked(tuple(done.results))
