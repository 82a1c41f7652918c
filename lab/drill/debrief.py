"""What a drill came to, for its after-action report: a pure function of the drill, its journal, what was changed, and casts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from lab.drill.caught import matrix_that_would_have_caught
from lab.drill.injects import Act
from lab.drill.progress import progress_of
from lab.drill.typed.commands import commands_of
from lab.drill.typed.kinds import purpose_of
from lab.prepare.drills import Play
from lab.record.cast import Cast
from lab.record.debrief import (
    Broken,
    Command,
    Debrief,
    Guess,
    Improvement,
    Moment,
    NodeChange,
    Purpose,
    Recording,
    Times,
)
from lab.record.drill import Event, EventKind
from lab.record.drilled import Progress
from lab.written.drill import Drill

STEPS = 5
"""How many diagnostic steps are set side by side."""


def debrief_of(
    play: Play, journal: Sequence[Event], *, team: str, changes: Iterable[NodeChange] = (), casts: Sequence[Cast] = ()
) -> Debrief:
    """The drill that ``team`` played; raises ValueError for a journal that does not begin with a start."""
    drill = play.drill
    progress = progress_of(journal, len(drill.stages))
    began, ended = progress.began, None if progress.stopped is None else progress.began + progress.stopped
    commands = tuple(_each_once(one for one in commands_of(casts) if one.at >= began))
    steps, before = _first_steps(commands)
    made = [one for one in changes if one.at >= began]
    return Debrief(
        drill=drill.drill, about=drill.about, seed=play.seed, level=drill.level, team=team, started=began, ended=ended,
        page=drill.page, values=dict(_values(play)),
        times=Times(progress.to_diagnose, progress.to_contain, progress.to_fix), fouls=progress.fouls,
        timeline=tuple(sorted((*_of_journal(drill, journal), *_of_changes(made), *_of_commands(commands)), key=_at)),
        steps=steps, reference=drill.steps[:STEPS], changes_before=before,
        answers=tuple(_guesses(journal)), hints=progress.hints, revealed=progress.revealed,
        broken=tuple(_broken(journal)), contained_with=_contained_with(progress, commands),
        contained_by=drill.debrief.contained_by,
        causes=tuple(f"{' or '.join(one.places)}: {one.kind}" for one in drill.answer), cause=drill.debrief.cause,
        fix=tuple(f"{one.at}# {line}" for one in play.fix for line in one.type),
        long_term=drill.debrief.long_term, failure=drill.debrief.failure, improvements=tuple(_improvements(drill)),
        caught_by=matrix_that_would_have_caught(play),
        recordings=tuple(Recording(one.name, one.header.node, one.header.timestamp, one.seconds) for one in casts),
    )  # fmt: skip


def _at(moment: Moment) -> float:
    return moment.at


def _values(play: Play) -> Iterator[tuple[str, str]]:
    for name, value in play.values.items():
        told = ", ".join(f"{key}: {one}" for key, one in value.items()) if isinstance(value, Mapping) else str(value)
        yield name, told


def _each_once(commands: Iterable[Command]) -> Iterator[Command]:
    """Commands that were given several times in a row are given once."""
    for _, same in groupby(commands, key=itemgetter(1, 2)):
        yield next(same)


def _first_steps(commands: Sequence[Command]) -> tuple[tuple[Command, ...], int]:
    """The first commands that look, and how many that change something came before the last of them."""
    looks = [number for number, one in enumerate(commands) if purpose_of(one.line) is Purpose.LOOK][:STEPS]
    until = commands[: looks[-1]] if looks else commands
    changing = sum(purpose_of(one.line) is Purpose.CHANGE for one in until)
    return tuple(commands[number] for number in looks), changing


def _contained_with(progress: Progress, commands: Sequence[Command]) -> tuple[Command, ...]:
    if progress.to_contain is None:
        return ()
    until = progress.began + progress.to_contain
    return tuple(one for one in commands if one.at <= until and purpose_of(one.line) is Purpose.CHANGE)


def _of_journal(drill: Drill, journal: Iterable[Event]) -> Iterator[Moment]:
    for event in journal:
        text = event.text
        if event.kind is EventKind.INJECT and event.data.get("act") == Act.CAME:
            number = event.data.get("number")
            if isinstance(number, int) and 0 <= number < len(drill.injects) and (expected := drill.injects[number].expected):
                text += f" (expected: {expected})"
        elif event.kind is EventKind.INJECT and event.data.get("act") == Act.SKIPPED:
            text = f"left out: {text}"
        yield Moment(event.at, str(event.kind), str(event.data.get("node", "")), text, _good(event))


def _good(event: Event) -> bool | None:
    if event.kind is EventKind.ANSWER:
        return event.data.get("found") is not None
    if event.kind in (EventKind.CHECK, EventKind.CONTAIN):
        return bool(event.data.get("green"))
    return False if event.kind is EventKind.REBOOTED else None


def _of_changes(changes: Iterable[NodeChange]) -> Iterator[Moment]:
    for one in changes:
        by = f" (by {one.process})" if one.process else ""
        yield Moment(one.at, str(one.what), one.node, f"{'; '.join(one.words)}{by}")


def _of_commands(commands: Iterable[Command]) -> Iterator[Moment]:
    for one in commands:
        yield Moment(one.at, "typed", one.node, one.line)


def _guesses(journal: Iterable[Event]) -> Iterator[Guess]:
    for event in journal:
        if event.kind is EventKind.ANSWER:
            told = event.data
            yield Guess(
                event.at, str(told.get("place", "")), str(told.get("kind", "")), bool(told.get("place-right")),
                bool(told.get("kind-right")), told.get("found") is not None,
            )  # fmt: skip


def _broken(journal: Iterable[Event]) -> Iterator[Broken]:
    """Cells of ``kept`` that were red in a check: since when, until when."""
    red: dict[str, float] = {}
    for event in journal:
        if event.kind is not EventKind.CHECK:
            continue
        now = [str(cell) for cell in event.data.get("kept") or ()]
        for cell in [cell for cell in red if cell not in now]:
            yield Broken(cell, red.pop(cell), event.at)
        for cell in now:
            red.setdefault(cell, event.at)
    yield from (Broken(cell, at) for cell, at in red.items())


def _improvements(drill: Drill) -> Iterator[Improvement]:
    told = drill.debrief.improvements
    yield Improvement("runbook", told.runbook)
    yield Improvement("hygiene", told.hygiene)
    yield Improvement("monitoring", told.monitoring)
