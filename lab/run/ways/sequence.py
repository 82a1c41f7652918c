"""A flow of several packets, step by step, in a lab of its own where a step changes that."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

from lab.errors import InputError
from lab.lab import Lab
from lab.record.result import CellResult, Outcome, StepResult
from lab.run.after.why import hints
from lab.run.asker import Asker
from lab.run.questions import first_question
from lab.run.steps.play import Play
from lab.run.steps.registry import DONE_BY
from lab.run.ways.too_big import may_not_fit
from lab.verdict.steps import done, judged, result_of
from lab.written.cell import Cell, Step


def fits(cell: Cell, _asker: Asker) -> bool:
    """A cell with steps."""
    return bool(cell.steps)


def ask(cell: Cell, asker: Asker) -> CellResult:
    """Do one step after the other, up to the first that is not as expected."""
    asker.tell(cell, 0)
    with ExitStack() as undo:
        lab = _lab(cell, asker, undo)
        play = Play(lab, cell, asker.labs.loads(cell.row))
        undo.callback(play.close)
        undo.enter_context(lab.batch())
        found = list(_steps(play))
        result = result_of(cell, found, asker.today)
        if result.outcome is Outcome.PASSED:
            return result
        expect = next(step.expect for step in reversed(cell.steps[: len(found)]) if step.expect is not None)
        return replace(result, hints=hints(lab, result.verdict, expect, cell.at))


def _lab(cell: Cell, asker: Asker, undo: ExitStack) -> Lab:
    """The lab that cells share, where no step changes it and no rule remembers what others sent."""
    shared = asker.labs.shared
    data = max((len(step.said.payload or b"") for step in cell.steps if step.expect is not None), default=0)
    alters = any(step.alters for step in cell.steps) or may_not_fit(data, shared.topology)
    if not alters and not shared.remembers(first_question(cell)):
        return shared
    return undo.enter_context(asker.labs.fresh())


def _steps(play: Play) -> Iterator[StepResult]:
    for step in play.cell.steps:
        found = _done(play, step)
        yield found
        if found.outcome is not Outcome.PASSED:
            return


def _done(play: Play, step: Step) -> StepResult:
    start = time.perf_counter()
    try:
        verdict = DONE_BY[step.verb](play, step)
    except InputError as error:
        return done(step, time.perf_counter() - start, error.problems[0].what)
    seconds = time.perf_counter() - start
    if verdict is None or step.expect is None:
        return done(step, seconds)
    return judged(play.cell, step, step.expect, verdict, seconds)
