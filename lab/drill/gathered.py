"""What a drill that goes on is debriefed from: its journal, what was noted of its nodes, and its recordings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lab.drill.debrief import debrief_of
from lab.drill.played import Played
from lab.keep.changes import changes_of
from lab.keep.entry import Entry
from lab.keep.shelling import CASTS
from lab.record.cast import Cast, read_cast
from lab.record.debrief import Debrief, read_changes


def debriefed(played: Played) -> Debrief:
    """The drill as it is now; it goes on."""
    changes = read_changes(changes_of(played.entry))
    casts = tuple(_casts(played.entry))
    return debrief_of(played.play, played.journal.events(), team=played.entry.name, changes=changes, casts=casts)


def recordings_of(entry: Entry) -> tuple[Path, ...]:
    """The files of a lab's recordings, in the order in which they were begun."""
    return tuple(sorted((entry.folder / CASTS).glob("*.cast")))


def _casts(entry: Entry) -> Iterator[Cast]:
    for file in recordings_of(entry):
        with file.open(encoding="utf-8", errors="replace") as lines:
            cast = read_cast(file.name, lines)
        if cast is not None and cast.events:
            yield cast
