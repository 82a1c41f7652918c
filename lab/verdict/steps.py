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

from lab.record.result import CellResult, Outcome, StepResult
from lab.record.verdict import Verdict
from lab.verdict.cell_result import expected_words, settled
from lab.verdict.judge import judge
from lab.written.cell import Cell, Expectation, Step


def judged(cell: Cell, step: Step, expect: Expectation, verdict: Verdict, seconds: float) -> StepResult:
    """What the verdict of a step means under what is expected of it."""
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
    """The cell's result; ``steps`` end at the first that is wrong, and one of them has a verdict."""
    wrong = next((step for step in steps if step.outcome is not Outcome.PASSED), None)
    spoken = [step for step in steps if step.verdict is not None]
    decided = wrong if wrong is not None and wrong.verdict is not None else spoken[-1]
    assert decided.verdict is not None
    of_many = wrong if wrong is not None else decided
    result = CellResult(
        id=cell.id, matrix=cell.matrix, row=cell.row, sender=cell.sender.label, target=cell.target.label,
        service=cell.service.text, family=cell.family, where=of_many.where if wrong else str(cell.where), at=cell.at,
        expected=f"{of_many.expected} of step {of_many.number} ({of_many.words})",
        outcome=of_many.outcome, verdict=decided.verdict, differences=of_many.differences,
        probe_us=sum(step.verdict.observation.probe_us for step in spoken if step.verdict), steps=tuple(steps),
    )  # fmt: skip
    return settled(cell, result, today)
