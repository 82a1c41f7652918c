"""Drills that go on, as the command line has them: how far a team is, hints, answers, checks, the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence

from lab.cli.drill_injecting import tell_due
from lab.cli.ending import finish, show_nothing
from lab.drill.answers import read_answer
from lab.drill.injects import Act
from lab.drill.played import Played, played
from lab.drill.team import answered, check_now, hinted, revealed, stopped
from lab.record.drill import EventKind
from lab.report.drill import red_lines, status_lines
from lab.report.plain import plain
from lab.written.drill_places import FAULT_KINDS


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(plain(line))
    sys.stdout.flush()


def _going_on(name: str) -> Played:
    """The drill, once what is due of its injects is told."""
    found = played(name)
    tell_due(found)
    return found


def tell_status(name: str) -> None:
    """Print how far a team is."""
    found = _going_on(name)
    came = [
        event.text for event in found.journal.events() if event.kind is EventKind.INJECT and event.data.get("act") == Act.CAME
    ]
    _print([found.play.drill.page, ""])
    _print(status_lines(found.progress, time.time(), len(found.play.drill.hints), came))


def give_hint(name: str) -> None:
    """Print the next hint."""
    _print([hinted(_going_on(name))])


def list_kinds() -> None:
    """Print every kind of cause."""
    _print(FAULT_KINDS)


def take_answer(name: str, words: Sequence[str]) -> None:
    """Tell whether an answer is right; ends with 1 where it is not."""
    place, kind = read_answer(words)
    found = _going_on(name)
    judged, left = answered(found, place, kind)
    _print([str(judged)])
    if judged.found is not None and left:
        _print([f"there is more: {left} cause{'s' if left > 1 else ''} left to be found"])
    tell_due(found)
    finish(0 if judged.found is not None else 1, show_nothing, show_nothing)


def run_check(name: str) -> None:
    """Ask whether it is mended; ends with 1 where it is not."""
    found = _going_on(name)
    stage = found.stage
    checked = check_now(found)
    for asked, word in ((checked.contain, "contain"), (checked.check, "check"), (checked.kept, "kept")):
        if asked is not None:
            passed = len(asked.results) - len(asked.red)
            _print([f"{word:8}{'green' if asked.green else 'red'} ({passed} of {len(asked.results)})"])
            _print(red_lines(asked.red))
    _print(f"FAILED  {foul}" for foul in (*checked.fouls, *checked.rebooted))
    mended = checked.green and not found.progress.failed
    if found.stage > stage:
        _print(["", found.play.drill.stages[found.stage - 1].page])
    elif mended:
        _print(["mended, and nothing else is broken"])
    tell_due(found)
    finish(0 if mended else 1, show_nothing, show_nothing)


def tell_answer(name: str) -> None:
    """Print the answer, its cause and the mend."""
    found = _going_on(name)
    _print(revealed(found))


def stop_drill(name: str) -> None:
    """End the drill, and take its lab down."""
    stopped(played(name))
    print(plain(f"{name} is down"))
