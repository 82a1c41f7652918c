"""What became of the rows that a change intends, and of the cells that must hold, as they were run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from lab.errors import Problem
from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.record.difference import RowOutcome
from lab.record.progress import Progress
from lab.record.result import CellResult, Outcome, PlanResult
from lab.run.runner import Order, run_plan
from lab.written.cell import Cell


@dataclass(slots=True)
class Ended:
    """What stopped plans, so far."""

    problems: list[Problem] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    signal: int | None = None
    results: list[tuple[Plan, CellResult]] = field(default_factory=list)

    def of(self, plan: Plan, done: PlanResult) -> PlanResult:
        """What was run of a plan, noted with its results."""
        self.results += [(plan, one) for one in done.results]
        return self.by(done)

    def by(self, done: PlanResult) -> PlanResult:
        """What was run, noted."""
        self.problems += [one.problem for one in done.problems]
        self.codes += done.codes
        self.signal = self.signal or done.interrupted
        return done


def row_outcomes(
    cells: Sequence[Cell], before: Sequence[CellResult], after: Sequence[CellResult]
) -> Iterator[RowOutcome]:
    """Whether each row of the cells was false before, and is true now."""
    for row in dict.fromkeys(cell.row for cell in cells):
        of_row = [cell for cell in cells if cell.row == row]
        yield _outcome(row, len(of_row), [one for one in before if one.row == row], [one for one in after if one.row == row])


def _outcome(row: str, cells: int, before: Sequence[CellResult], after: Sequence[CellResult]) -> RowOutcome:
    lost = [one for one in (*before, *after) if one.outcome is Outcome.ERROR]
    if len(before) < cells or len(after) < cells or lost:
        why = f": {lost[0].id}: {first_difference(lost[0])}" if lost else ": the run was stopped"
        return RowOutcome(row, passed=False, what=f"not known, as it could not be asked on both sides{why}")
    if failed := [one for one in after if one.outcome is not Outcome.PASSED]:
        first = first_difference(failed[0])
        more = f", and {len(failed) - 1} more of its {cells} cells" if len(failed) > 1 else ""
        return RowOutcome(row, passed=False, what=f"does not hold afterwards: {failed[0].id}: {first}{more}")
    held = sum(one.outcome is Outcome.PASSED for one in before)
    if held == cells:
        return RowOutcome(row, passed=False, what=f"held before already: {before[0].id} was {before[0].verdict}")
    return RowOutcome(row, passed=True, what=f"{held} of its {cells} cells held before already" if held else "")


def held_outcomes(
    plans: Iterable[Plan], ended: Ended, listener: Progress, on: Lab | None = None
) -> Iterator[RowOutcome]:
    """Of each cell of the plans whether it holds; ``on`` is a lab that stands already."""
    for plan in plans:
        if ended.signal is not None or not plan.cells:
            continue
        done = ended.of(plan, run_plan(plan, Order(), listener, on=on))
        for one in done.results:
            passed = one.outcome is Outcome.PASSED
            yield RowOutcome(one.id, passed=passed, what="" if passed else f"{one.outcome}: {first_difference(one)}")
        if left := len(plan.cells) - len(done.results):
            yield RowOutcome(plan.name, passed=False, what=f"stopped: {left} of its {len(plan.cells)} cells were not asked")


def first_difference(result: CellResult) -> str:
    """In a line what is otherwise than it should be."""
    return result.differences[0] if result.differences else str(result.verdict)
