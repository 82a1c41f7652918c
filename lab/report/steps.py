"""The steps of a flow of several packets, a line each: which was wrong, and how those before it fared."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.result import CellResult, Outcome, StepResult
from lab.record.verdict import Kind

MOST_STEPS = 8  # before the one that is wrong
_MET_BY = {
    "allow": (Kind.ALLOWED,), "drop": (Kind.DROPPED,), "reject": (Kind.REJECTED,), "deny": (Kind.DROPPED, Kind.REJECTED),
}  # fmt: skip


def step_lines(cell: CellResult) -> Iterator[str]:
    """Those up to the first that is wrong, and how many were not done after it; nothing of a cell of one packet."""
    earlier = max(len(cell.steps) - 1 - MOST_STEPS, 0)
    if earlier:
        yield f"1 to {earlier} fared as expected" if earlier > 1 else "1 fared as expected"
    for step in cell.steps[earlier:]:
        yield step_text(step)
    if cell.steps_left:
        first, last = len(cell.steps) + 1, len(cell.steps) + cell.steps_left
        yield f"{first} was not done" if first == last else f"{first} to {last} were not done"


def step_text(step: StepResult) -> str:
    """``3 send of b: dropped by gateway filter:FORWARD:2 (late)``.

    >>> from lab.record.result import StepResult
    >>> step_text(StepResult(4, "wait 2 s", "edge.yaml:7", Outcome.PASSED, 2.0))
    '4 wait 2 s: took 2.0 s'
    """
    name = f"{step.number} {step.words}{f' of {step.session}' if step.session else ''}"
    if step.verdict is not None:
        wrong = "as expected" if step.verdict.kind in _MET_BY[step.expected.split()[0]] else step.expected
        return f"{name}: {step.verdict}{'' if step.outcome is Outcome.PASSED else f', and not {wrong}'}"
    if step.outcome is not Outcome.PASSED:
        return f"{name}: could not be done: {'; '.join(step.differences)}"
    return name if step.seconds < 1 else f"{name}: took {step.seconds:.1f} s"
