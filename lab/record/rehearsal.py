"""A rehearsal of a change window: what happened when, what told it, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from lab.errors import Problem
from lab.record.difference import RowOutcome
from lab.record.node_state import Leftover
from lab.record.window import Window


class Phase(StrEnum):
    """A part of the window, by the clock of a real one; in a rehearsal the time between them is left out."""

    BASELINE = "T-60"
    PRELOAD = "T-10"
    APPLY = "T+0"
    MATRIX = "T+5"
    COUNTERS = "T+15"
    DECISION = "T+30"
    AFTERWARDS = "after"


class End(StrEnum):
    """How a rehearsal ended."""

    CONFIRMED = "confirmed"
    ROLLED_BACK = "rolled-back"
    REFUSED = "refused"
    LOCKED_OUT = "locked-out"
    INTERRUPTED = "interrupted"


class Event(NamedTuple):
    """One thing that happened: ``seconds`` since the rehearsal began, ``witness`` what told it (``trace``, ``capture``).

    ``good`` tells whether it was as it should be; None where it is neither.
    """

    seconds: float
    phase: Phase
    what: str
    witness: str
    good: bool | None = None


class Trial(NamedTuple):
    """One way in which a window may go wrong, and whether the rollback held."""

    name: str
    passed: bool
    what: str = ""


class RuleCount(NamedTuple):
    """A rule that packets met since the apply: which, and how many."""

    rule: str
    packets: int


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A change rehearsed on ``node`` of ``topology``.

    ``names`` are what the rules of before and afterwards are called, ``way`` how they were applied, ``timer_s`` what the timer
    waits for on the real host.  ``end`` is how it ended, ``ends`` how it was to; ``opens`` tells that it is known that packets
    get through meanwhile, ``breaks`` that packets are stopped or flows end.  ``intended`` are the rows of the change, ``holds``
    the cells of its matrices, ``left`` what of the node was otherwise afterwards than it should be, ``trials`` what the
    rollback was tried with.
    """

    change: str
    node: str
    topology: str
    names: tuple[str, str]
    backend: str
    way: str
    timer_s: int | None
    end: End
    ends: End
    opens: bool = False
    breaks: bool = False
    locked_out: str = ""
    events: tuple[Event, ...] = ()
    window: Window | None = None
    intended: tuple[RowOutcome, ...] = ()
    holds: tuple[RowOutcome, ...] = ()
    counters: tuple[RuleCount, ...] = ()
    left: tuple[Leftover, ...] = ()
    trials: tuple[Trial, ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    codes: tuple[int, ...] = ()
    seconds: float = 0.0

    @property
    def opened(self) -> int:
        """How many packets got through that should not."""
        return self.window.opened.packets if self.window is not None else 0

    @property
    def faults(self) -> tuple[str, ...]:
        """Why it did not go as the change says, each in one sentence; none where it did."""
        return tuple(_faults(self))


def _faults(told: Rehearsal) -> Iterator[str]:
    if told.end is End.INTERRUPTED:
        yield "it was interrupted before its end"
    elif told.end is not told.ends:
        yield f"it ended {told.end}, and the change says {told.ends}"
    if told.locked_out and told.ends is not End.LOCKED_OUT:
        yield told.locked_out
    if told.end is End.REFUSED and told.timer_s is None:
        yield "the host stands without rules: what they stopped gets through"
    yield from (event.what for event in told.events if event.phase is Phase.PRELOAD and event.good is False)
    if told.opened and not told.opens:
        yield f"{_packets(told.opened)} got through meanwhile that should not, and the change does not say `opens: true`"
    if told.window is not None and told.window.strayed.packets and not told.opens:
        yield f"{_packets(told.window.strayed.packets)} went astray meanwhile, and the change does not say `opens: true`"
    if told.window is not None and not told.breaks:
        if told.window.refused.packets:
            were = "was" if told.window.refused.packets == 1 else "were"
            stopped = f"{_packets(told.window.refused.packets)} {were} stopped meanwhile that should pass"
            yield f"{stopped}, and the change does not say `breaks: true`"
        if told.window.broken:
            flows = "1 established flow" if len(told.window.broken) == 1 else f"{len(told.window.broken)} established flows"
            yield f"{flows} did not go on, and the change does not say `breaks: true`"
    yield from (f"{row.name}: {row.what}" for row in (*told.intended, *told.holds) if not row.passed)
    yield from (f"afterwards: {one.what}" for one in told.left if not one.carried)
    yield from (f"{trial.name}: {trial.what}" for trial in told.trials if not trial.passed)


def _packets(number: int) -> str:
    return "1 packet" if number == 1 else f"{number:,} packets"


@dataclass(frozen=True, slots=True)
class Rehearsals:
    """What one command rehearsed, and what stopped it."""

    done: tuple[Rehearsal, ...] = ()
    exit_code: int = 0
    problems: tuple[Problem, ...] = ()
    interrupted: bool = False
