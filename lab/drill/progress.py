"""How far a team is with its drill, and in which times: read from the drill's journal alone."""

from __future__ import annotations

from collections.abc import Sequence

from lab.record.drill import Event, EventKind
from lab.record.drilled import Progress


def progress_of(journal: Sequence[Event], stages: int = 0) -> Progress:
    """Raises ValueError for a journal that does not begin with a start; a drill of stages is fixed once the last is green."""
    if not journal or journal[0].kind is not EventKind.STARTED:
        raise ValueError("the journal of a drill begins with its start")
    began = journal[0].at
    answers = _of(journal, EventKind.ANSWER)
    right = [event for event in answers if event.data.get("found") is not None]
    fixed = [
        event for event in _of(journal, EventKind.CHECK) if event.data.get("green") and event.data.get("stage", 0) == stages
    ]
    fouls = [str(one) for event in journal for one in event.data.get("fouls", ()) or ()]
    return Progress(
        began,
        len(_of(journal, EventKind.HINT)),
        len(answers),
        len(answers) - len(right),
        frozenset(int(event.data["found"]) for event in right),
        len(_of(journal, EventKind.CHECK)),
        _first(began, right),
        _first(began, [event for event in _of(journal, EventKind.CONTAIN) if event.data.get("green")]),
        _first(began, fixed),
        tuple(dict.fromkeys(fouls)),
        bool(_of(journal, EventKind.REVEALED)),
        _first(began, _of(journal, EventKind.STOPPED)),
    )


def _of(journal: Sequence[Event], kind: EventKind) -> list[Event]:
    return [event for event in journal if event.kind is kind]


def _first(began: float, events: Sequence[Event]) -> float | None:
    return events[0].at - began if events else None
