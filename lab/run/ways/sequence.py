"""A flow of several packets, step by step, in a lab of its own where a step changes that."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace

from lab.errors import InputError, MeasurementError, Problem
from lab.lab import Lab
from lab.probe.question import Question
from lab.record.result import CellResult, Outcome, StepResult
from lab.run.after.why import hints
from lab.run.asker import Asker
from lab.run.questions import first_question, questions
from lab.run.steps.play import Play
from lab.run.steps.registry import DONE_BY
from lab.run.ways.too_big import may_not_fit
from lab.verdict.steps import done, judged, result_of
from lab.written.cell import Cell, Step
from lab.written.expect.logged import LOGGED
from lab.written.steps.packets import ICMP_ERROR, PACKET
from lab.written.steps.spoken import ANSWER, CLOSE, OPEN, RESET

_SENT = {ANSWER.name: "answer", CLOSE.name: "FIN", RESET.name: "reset", PACKET.name: "packet", ICMP_ERROR.name: "ICMP error"}


def fits(cell: Cell, _asker: Asker) -> bool:
    """A cell with steps."""
    return bool(cell.steps)


def ask(cell: Cell, asker: Asker) -> CellResult:
    """Do one step after the other, up to the first that is not as expected."""
    asker.tell(cell, 0)
    with ExitStack() as undo:
        lab = _lab(cell, asker, undo)
        play = undo.enter_context(closing(Play(lab, cell, asker.labs.loads(cell.row))))
        undo.enter_context(lab.batch())
        undo.enter_context(lab.counted())
        found = list(steps_of(play))
        result = result_of(cell, found, asker.today)
        last = cell.steps[len(found) - 1]
        if result.outcome is Outcome.PASSED or last.expect is None:
            return result
        return replace(result, hints=hints(lab, result.verdict, last.expect, play.about.at, _later(last, found)))


def _lab(cell: Cell, asker: Asker, undo: ExitStack) -> Lab:
    """The lab that cells share, where no step changes it and no rule remembers what others sent."""
    shared = asker.labs.shared
    asked = [first_question(cell), *(question for step in cell.steps if step.asks for question in _asked(step))]
    logs = any(step.expect is not None and step.expect.get(LOGGED) is not None for step in cell.steps)
    own = [step for step in cell.steps if step.of_session is not None]
    data = max((len(step.said.payload or b"") for step in own), default=0)
    alters = any(step.alters for step in cell.steps) or may_not_fit(data, shared.topology)
    if alters or any(shared.remembers(question, logs=logs) for question in asked):
        return undo.enter_context(asker.labs.fresh())
    undo.callback(shared.fresh.let_by, asked[0])  # what it wrote into memories that decide of nothing here is not counted
    return shared


def _asked(step: Step) -> Iterator[Question]:
    return (question for cell in step.said for _, question in questions(cell))


def _later(step: Step, found: Sequence[StepResult]) -> str:
    """What of its session a step has sent, where something of that had come through before; else empty."""
    if step.asks:
        return ""
    before = [one.verdict for one in found[:-1] if one.verdict is not None and one.session == step.session]
    came = any(verdict.observation.arrived is not None for verdict in before)
    return _SENT.get(step.verb, "data") if came and step.verb != OPEN.name else ""


def steps_of(play: Play) -> Iterator[StepResult]:
    """Each step as it is done, up to the first that is not as expected; raises LabError where the measurement fails."""
    for step in play.cell.steps:
        found = _done(play, step)
        yield found
        if found.outcome is not Outcome.PASSED:
            return


def _done(play: Play, step: Step) -> StepResult:
    start = time.perf_counter()
    play.about = play.cell
    try:
        verdict = DONE_BY[step.verb](play, step)
    except InputError as error:
        return done(step, time.perf_counter() - start, _in_words(error, step))
    except MeasurementError as error:
        raise MeasurementError(_in_step(problem, step) for problem in error.problems) from error
    seconds = time.perf_counter() - start
    expect = step.expect
    if verdict is None or expect is None:
        return done(step, seconds)
    if step.asks:
        about, port = play.about, verdict.observation.sent.dport
        service = f"{about.service.proto}/{port}" if about.service.ports else about.service.text
        step = replace(step, words=f"{step.verb} {about.sender.label} -> {about.target.label} {service}")
    return judged(play.about, step, expect, verdict, seconds)


def _in_words(error: InputError, step: Step) -> str:
    """What is wrong in one sentence, with its place where that is not the step's own."""
    problem = error.problems[0]
    place = f"{problem.where}: " if problem.where not in (None, step.where) else ""
    return f"{place}{problem.what}" + (f" ({problem.mend})" if problem.mend else "")


def _in_step(problem: Problem, step: Step) -> Problem:
    return replace(problem, what=f"step {step.number} ({step.words}): {problem.what}", where=problem.where or step.where)
