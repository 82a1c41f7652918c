"""A drill as people read it: how far a team is, what its checks came to, what comes in from outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lab.record.drilled import Progress, Verified
from lab.record.result import CellResult

_FAILED, _HELD = "FAILS", "holds"


def clock(seconds: float) -> str:
    """A time (seconds) as people say it in an exercise.

    >>> clock(75.4), clock(3661)
    ('1:15', '1:01:01')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def status_lines(progress: Progress, now: float, hints: int, injects: Sequence[str]) -> Iterator[str]:
    """How far a team is: nothing of the answer; ``hints`` is how many there are, ``injects`` are those that came."""
    gone = now - progress.began if progress.stopped is None else progress.stopped
    yield f"time gone     {clock(gone)}"
    yield f"hints taken   {progress.hints} of {hints}"
    yield f"answers       {progress.answers}, {progress.wrong} of them wrong"
    yield f"checks        {progress.checks}"
    yield f"to diagnose   {_time(progress.to_diagnose)}"
    yield f"to contain    {_time(progress.to_contain)}"
    yield f"to fix        {_time(progress.to_fix)}"
    yield from (f"inject        {text}" for text in injects)
    yield from (f"FAILED        {foul}" for foul in progress.fouls)


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else clock(seconds)


def red_lines(cells: Iterable[CellResult]) -> Iterator[str]:
    """What is not as it must be, without the rule that decided it: that is for the team to find."""
    for cell in cells:
        yield f"  {cell.id.rpartition('::')[2]}: expected {cell.expected}, is {cell.verdict.kind}"


def verified_lines(verified: Sequence[Verified]) -> Iterator[str]:
    """A table of what was proven, drill by drill, and in full what does not hold."""
    width = max((len(one.drill) for one in verified), default=0)
    for one in verified:
        word = _HELD if one.holds else _FAILED
        held = sum(proof.holds for proof in one.proofs)
        yield f"{word}  {one.drill:{width}}  seed {one.seed:<3} {held:3} of {len(one.proofs):<3} {one.seconds:6.1f} s"
        yield from (f"         {proof.name}: {proof.what}" for proof in one.proofs if not proof.holds)
        if one.problem:
            yield f"         {one.problem}"
