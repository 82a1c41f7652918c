"""The steps of one cell to its result: the first that is wrong decides, else the last that sent something.

>>> from lab.written.expect.example import PASSED
>>> sent = Step(1, "send", cell.where, "send", expect=Expectation("drop"))
>>> steps = [judged(cell, sent, Expectation("drop"), PASSED, 0.001), done(Step(2, "wait", cell.where, "wait 1 s"), 1.0)]
>>> [str(step.outcome) for step in steps], str(result_of(cell, steps, datetime.date(2026, 1, 31)).outcome)
(['fail-open', 'passed'], 'fail-open')
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace

from lab.record.observation import Milestone, Observation
from lab.record.packet import Packet, protocol_number
from lab.record.result import CellResult, Outcome, StepResult
from lab.record.verdict import Kind, Verdict
from lab.verdict.cell_result import expected_words, settled
from lab.verdict.judge import judge
from lab.written.cell import Cell, Expectation, Step

_MOST_TOLD = 6


def judged(cell: Cell, step: Step, expect: Expectation, verdict: Verdict, seconds: float) -> StepResult:
    """What the verdict of a step means under what is expected of it; ``cell`` is what it is about, or a flow in the midst."""
    one = replace(cell, expect=expect)
    found = judge(one, verdict)
    return StepResult(
        step.number, step.words, str(step.where), found.outcome, seconds, step.session, expected_words(one),
        verdict, found.differences,
    )  # fmt: skip


def done(step: Step, seconds: float, wrong: str = "") -> StepResult:
    """A step that sends nothing; ``wrong`` says why it could not be done."""
    outcome = Outcome.ERROR if wrong else Outcome.PASSED
    return StepResult(
        step.number, step.words, str(step.where), outcome, seconds, step.session, differences=(wrong,) if wrong else ()
    )


def result_of(cell: Cell, steps: Sequence[StepResult], today: datetime.date) -> CellResult:
    """The cell's result; ``steps`` end at the first that is wrong, and one of them has a verdict, or could not be done."""
    spoken = [step for step in steps if step.verdict is not None]
    wrong = next((step for step in steps if step.outcome is not Outcome.PASSED), None)
    last = wrong or spoken[-1]
    verdict = last.verdict or _not_done(cell, last)
    own = next((step.verdict.observation.sent for step in spoken if step.verdict and _is_own(step, cell)), None)
    result = CellResult(
        id=cell.id, matrix=cell.matrix, row=cell.row, sender=cell.sender.label, target=cell.target.label,
        service=cell.service.text, family=cell.family, where=wrong.where if wrong else str(cell.where), at=cell.at,
        expected=_expected(wrong) if wrong else _all_expected(spoken), outcome=last.outcome, verdict=verdict,
        differences=last.differences, probe_us=sum(step.verdict.observation.probe_us for step in spoken if step.verdict),
        steps=tuple(steps), steps_left=len(cell.steps) - len(steps), first=own or _sent(cell),
    )  # fmt: skip
    return settled(cell, result, today)


def _told_as(step: StepResult) -> str:
    """A step as a report calls it: ``step 3 (send of b)``."""
    return f"step {step.number} ({step.words}{f' of {step.session}' if step.session else ''})"


def _expected(step: StepResult) -> str:
    return f"{step.expected} of {_told_as(step)}" if step.expected else f"{_told_as(step)} to be done"


def _all_expected(steps: Sequence[StepResult]) -> str:
    told = [f"{step.number} {step.words}: {step.expected}" for step in steps]
    return "; ".join([*told[:_MOST_TOLD], *([f"and {len(told) - _MOST_TOLD} more"] if len(told) > _MOST_TOLD else [])])


def _is_own(step: StepResult, cell: Cell) -> bool:
    sent = step.verdict.observation.sent if step.verdict is not None else None
    return sent is not None and (sent.source, sent.destination) == (cell.sender.address, cell.target.address)


def _sent(cell: Cell) -> Packet:
    port = cell.service.ports[0][0] if cell.service.ports else None
    return Packet(cell.family, protocol_number(cell.service.proto), cell.sender.address, cell.sport, cell.target.address, port)


def _not_done(cell: Cell, step: StepResult) -> Verdict:
    """The verdict of a step that could not be done: nothing is proven."""
    why = f"{_told_as(step)} could not be done: {'; '.join(step.differences)}"
    return Verdict(Kind.LOST, why, Observation(_sent(cell), Milestone.SENT, faults=step.differences))
