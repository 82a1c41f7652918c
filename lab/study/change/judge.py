"""A difference held against the change that it belongs to: what was asked for, what still holds, what is collateral."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lab.errors import gravest
from lab.prepare.changed import held_plan, intended_plan
from lab.prepare.scene import Scene
from lab.record.difference import DiffReport, RowOutcome
from lab.record.progress import Progress
from lab.record.result import CellResult, Outcome
from lab.report.progress import NoProgress
from lab.ruleset.backend import Backend
from lab.run.questions import first_question
from lab.run.runner import Order, run_plan
from lab.study.blockers import blockers
from lab.study.change.asked_for import asked_for
from lab.study.change.breadth import breadth_of
from lab.study.change.covering import covered
from lab.study.change.rows import Ended, first_difference, held_outcomes, row_outcomes
from lab.written.cell import Cell
from lab.written.change import Change
from lab.written.intended import intended_cells

_MOST_BLOCKED = 3  # cells of which is asked what else denies them, each in a lab of its own


def judged(
    report: DiffReport, change: Change, old: Scene, new: Scene, *, matrices: Sequence[Path] = (),
    backends: tuple[Backend, Backend] = (Backend.NFT, Backend.NFT), listener: Progress | None = None,
    today: datetime.date | None = None,
) -> DiffReport:  # fmt: skip
    """The report with what the change asked for, what still holds, how much more was opened, and its exit code.

    ``old`` and ``new`` are the two sides on one topology, as the report's differences were asked on them; ``matrices`` are the
    files of what ``holds`` names (`lab.written.load.held_matrices`), run on the new side.  Raises InputError for words that the
    topology does not know.
    """
    cells = [cell for cell in intended_cells(change, new.topology) if cell.at == report.node]
    plans = [held_plan(file, new, backends[1]) for file in matrices]
    asked = asked_for(change.intends, cells, new.topology)
    differences, notes = covered(report.differences, asked)
    breadth, of_breadth = breadth_of(differences, asked)
    ended = Ended()
    listener = listener or NoProgress()
    rows = list(_rows(change, cells, (old, new), backends, ended, listener))
    holds = list(held_outcomes(plans, ended, listener))
    told = replace(
        report, differences=differences, change=change.change, intended=tuple(rows), holds=tuple(holds), breadth=breadth,
        notes=(*report.notes, *notes, *of_breadth, *_overdue(change, today or datetime.date.today())),
        problems=(*report.problems, *ended.problems), interrupted=report.interrupted or ended.signal is not None,
    )  # fmt: skip
    return replace(told, exit_code=_exit_code(told, report.exit_code, ended))


def _rows(
    change: Change, cells: Sequence[Cell], scenes: tuple[Scene, Scene], backends: tuple[Backend, Backend], ended: Ended,
    listener: Progress,
) -> Iterator[RowOutcome]:  # fmt: skip
    """Whether each row was false before, and is true now."""
    if not cells:
        return
    found: list[list[CellResult]] = []
    for scene, backend in zip(scenes, backends, strict=True):
        if ended.signal is None:
            done = ended.by(run_plan(intended_plan(change, cells, scene, backend), Order(), listener))
            found.append(list(done.results))
    before, after = [*found, [], []][:2]
    if ended.signal is None:
        after = list(_with_blockers(after, cells, scenes[1], backends[1]))
    yield from row_outcomes(cells, before, after)


def _with_blockers(
    after: Iterable[CellResult], cells: Sequence[Cell], scene: Scene, backend: Backend
) -> Iterator[CellResult]:
    """The results, the first `_MOST_BLOCKED` that are still denied with all that denies them in a further sentence."""
    of = {cell.id: cell for cell in cells}
    left = _MOST_BLOCKED
    for one in after:
        cell = of.get(one.id)
        denied = one.outcome not in (Outcome.PASSED, Outcome.ERROR) and one.verdict.stopped_by is not None
        if left and denied and cell is not None and not cell.steps and cell.expect.action == "allow":
            left -= 1
            then = blockers(scene, backend, cell.at, first_question(cell))[1:]
            also = ", ".join(map(str, then))
            yield replace(one, differences=(f"{first_difference(one)}; then also blocked by {also}",)) if then else one
        else:
            yield one


def _overdue(change: Change, today: datetime.date) -> Iterator[str]:
    if change.review is not None and change.review < today:
        whose = f" by {change.owner}" if change.owner else ""
        yield f"{change.change} was to be reviewed{whose} by {change.review}"


def _exit_code(report: DiffReport, before: int, ended: Ended) -> int:
    """0 where nothing differs but what was asked for, and all holds; 1 otherwise, or what stopped it."""
    if ended.signal is not None:
        return ended.signal
    as_asked = (
        not report.collateral
        and all(one.passed for one in (*report.intended, *report.holds))
        and not (report.breadth is not None and report.breadth > 1)
    )
    # 1 says that something differs, which may be what was asked for
    return gravest([before if before != 1 else 0, *ended.codes, 0 if as_asked else 1])
