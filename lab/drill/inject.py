"""Injects given, skipped and held up, each noted in the drill's journal."""

from __future__ import annotations

from lab.drill.injects import Act, due, following, seconds_until, state_of
from lab.drill.played import Played
from lab.errors import InputError, Problem
from lab.record.drill import EventKind
from lab.written.drill_parts import Inject


def come(played: Played) -> list[tuple[int, Inject]]:
    """Those that are due now, with their numbers from 1; they have come from then on."""
    written = played.play.drill.injects
    numbers = due(written, played.journal.events(), played.journal.clock())
    for number in numbers:
        _note(played, number, Act.CAME)
    return [(number + 1, written[number]) for number in numbers]


def give_next(played: Played) -> tuple[int, Inject]:
    """Have the next one come now; raises InputError where none is left."""
    number = _following(played)
    _note(played, number, Act.CAME)
    return number + 1, played.play.drill.injects[number]


def skip_next(played: Played) -> tuple[int, Inject]:
    """Have the next one never come; raises InputError where none is left."""
    number = _following(played)
    _note(played, number, Act.SKIPPED)
    return number + 1, played.play.drill.injects[number]


def pause(played: Played) -> None:
    """Stop the clock of injects; raises InputError where it stands."""
    if _state_paused(played):
        mend = f"lab drill inject {played.entry.name} resume"
        raise InputError(Problem("the clock of the injects stands already", mend=mend))
    played.journal.note(EventKind.INJECT, "the clock of the injects stands", {"act": Act.PAUSED})


def resume(played: Played) -> None:
    """Have the clock go on; raises InputError where it goes."""
    if not _state_paused(played):
        raise InputError(Problem("the clock of the injects goes already"))
    played.journal.note(EventKind.INJECT, "the clock of the injects goes on", {"act": Act.RESUMED})


def until_next(played: Played) -> float | None:
    """Seconds until the clock brings one; None where no clock does."""
    return seconds_until(played.play.drill.injects, played.journal.events(), played.journal.clock())


def states(played: Played) -> list[tuple[int, Inject, str]]:
    """Every inject with its number and what became of it, in a word."""
    acts = {
        event.data["number"]: str(event.data["act"]) for event in played.journal.events()
        if event.kind is EventKind.INJECT and "number" in event.data
    }
    return [(number + 1, one, acts.get(number, "to come")) for number, one in enumerate(played.play.drill.injects)]


def _state_paused(played: Played) -> bool:
    return state_of(played.journal.events(), played.journal.clock()).paused


def _following(played: Played) -> int:
    number = following(played.play.drill.injects, played.journal.events(), played.journal.clock())
    if number is None:
        raise InputError(Problem("no inject is left"))
    return number


def _note(played: Played, number: int, act: Act) -> None:
    played.journal.note(EventKind.INJECT, played.play.drill.injects[number].text, {"act": act, "number": number})
