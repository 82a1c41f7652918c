"""Which injects are due: by the drill's clock, which can be paused, or by what happened; read from the journal alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from lab.record.drill import Event, EventKind


class Written(Protocol):
    """An inject as the drill has it: ``at`` so many seconds on the drill's clock, or ``when`` something happened."""

    @property
    def at(self) -> float | None:
        """Seconds since the start, without pauses; None for one that only comes when something happens."""

    @property
    def when(self) -> str | None:
        """A word of `HAPPENED`; None for one that only a time brings."""


class Act(StrEnum):
    """What was done about injects, as the journal has it."""

    CAME = "came"
    SKIPPED = "skipped"
    PAUSED = "paused"
    RESUMED = "resumed"


def _any(kind: EventKind, **said: object) -> Callable[[Sequence[Event]], bool]:
    return lambda journal: any(
        event.kind is kind and all(event.data.get(key) == value for key, value in said.items()) for event in journal
    )


def _answered(*, right: bool) -> Callable[[Sequence[Event]], bool]:
    return lambda journal: any(
        event.kind is EventKind.ANSWER and (event.data.get("found") is not None) == right for event in journal
    )


HAPPENED: Mapping[str, Callable[[Sequence[Event]], bool]] = {
    "symptom-is-gone": _any(EventKind.CHECK, symptom=False),
    "contain-is-red": _any(EventKind.CONTAIN, green=False),
    "contain-is-green": _any(EventKind.CONTAIN, green=True),
    "check-is-red": _any(EventKind.CHECK, green=False),
    "check-is-green": _any(EventKind.CHECK, green=True),
    "first-answer": _any(EventKind.ANSWER),
    "wrong-answer": _answered(right=False),
    "right-answer": _answered(right=True),
    "hint-taken": _any(EventKind.HINT),
    "rebooted": _any(EventKind.REBOOTED),
}
"""The words for what may happen, and how the journal tells that it did."""


@dataclass(frozen=True, slots=True)
class State:
    """What became of injects: those that came or were skipped, by number from 0; the drill's clock; whether it stands."""

    done: frozenset[int]
    seconds: float
    paused: bool


def state_of(journal: Sequence[Event], now: float) -> State:
    """The state of a drill's injects at ``now`` (seconds since the epoch)."""
    done: set[int] = set()
    stood, since = 0.0, None
    for event in journal:
        if event.kind is not EventKind.INJECT:
            continue
        act = event.data.get("act")
        if act in (Act.CAME, Act.SKIPPED):
            done.add(int(event.data["number"]))
        elif act == Act.PAUSED and since is None:
            since = event.at
        elif act == Act.RESUMED and since is not None:
            stood, since = stood + event.at - since, None
    standing = 0.0 if since is None else now - since
    began = journal[0].at if journal else now
    return State(frozenset(done), max(0.0, now - began - stood - standing), since is not None)


def due(written: Sequence[Written], journal: Sequence[Event], now: float) -> list[int]:
    """The numbers of the injects that are due and have not come; none while the clock stands."""
    state = state_of(journal, now)
    if state.paused:
        return []
    return [
        number for number, one in enumerate(written)
        if number not in state.done
        and ((one.at is not None and one.at <= state.seconds) or (one.when is not None and HAPPENED[one.when](journal)))
    ]


def following(written: Sequence[Written], journal: Sequence[Event], now: float) -> int | None:
    """The one that comes next of those that have not come: by its time, then as they are written; None where none is left."""
    done = state_of(journal, now).done
    left = [number for number in range(len(written)) if number not in done]
    return min(left, key=lambda number: (_time(written[number]), number), default=None)


def seconds_until(written: Sequence[Written], journal: Sequence[Event], now: float) -> float | None:
    """How long it is until the clock brings one; None where no clock does, or it stands."""
    state = state_of(journal, now)
    times = [one.at for number, one in enumerate(written) if number not in state.done and one.at is not None]
    return None if state.paused or not times else max(0.0, min(times) - state.seconds)


def _time(one: Written) -> float:
    return float("inf") if one.at is None else one.at


class Staged(Protocol):
    """A stage as the drill has it: it begins once ``after`` has happened in what came before it."""

    @property
    def after(self) -> str:
        """A word of `HAPPENED`."""


def stage_of(stages: Sequence[Staged], journal: Sequence[Event]) -> int:
    """Which stage has begun, from 1; 0 before the first.  What happened in one stage does not begin the next but one."""
    begun, since = 0, 0
    for place in range(1, len(journal) + 1):
        if begun < len(stages) and HAPPENED[stages[begun].after](journal[since:place]):
            begun, since = begun + 1, place
    return begun
