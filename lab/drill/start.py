"""Starts a drill: a healthy lab, proven so, then broken, and proven to be broken as it is told; or nothing remains."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.drill.breaking import break_it
from lab.drill.checking import Baseline, Plans, checked, plans_of
from lab.drill.checks import ask
from lab.drill.grounds import Grounds
from lab.drill.played import Played, grounds_of, keep
from lab.errors import MeasurementError, Problem
from lab.keep.boot import boot_files
from lab.keep.changes import note_changes
from lab.keep.entry import Entry
from lab.keep.joined import site_of
from lab.keep.starting import start, stop
from lab.prepare.drills import Play
from lab.record.drill import EventKind


def start_drill(play: Play, name: str = "") -> Played:
    """Bring the drill's lab up and break it; returns when its symptom is there.

    Raises InputError for what the drill says and cannot be, MeasurementError where it is not what it says, and what a lab
    raises; nothing then remains.
    """
    scene = play.scene
    entry = start(
        scene.topology, scene.policies, name or play.drill.drill[:36], about="", backend=play.rendering.backend,
        drill=play.drill.drill, files=boot_files(scene.topology, play.boots), hidden=_tells(play.file),
    )  # fmt: skip
    with _taken_down_where_it_fails(entry), site_of(entry) as site:
        grounds, plans = grounds_of(entry, site, play), plans_of(play)
        _prove_healthy(grounds, plans)
        baseline = break_it(grounds, play)
        _prove_broken(grounds, plans)
        grounds.zero_counters()
        note_changes(entry)
        found = keep(entry, play, baseline)
        said = {"drill": play.drill.drill, "seed": play.seed, "values": dict(play.values), "name": entry.name}
        found.journal.note(EventKind.STARTED, play.drill.page, said)
    return found


@contextmanager
def _taken_down_where_it_fails(entry: Entry) -> Iterator[None]:
    try:
        yield
    except BaseException:
        stop(entry)
        raise


def _prove_healthy(grounds: Grounds, plans: Plans) -> None:
    found = checked(grounds, plans, Baseline())
    if not found.green:
        what = f"the lab is not healthy before anything is broken: {found.words}"
        mend = "`lab drill verify` tells more; the drill is wrong, or this machine lacks something"
        raise MeasurementError(Problem(what, mend=mend))


def _prove_broken(grounds: Grounds, plans: Plans) -> None:
    with grounds.as_they_are() as asking:
        found = ask(plans["symptom"], asking.lab)
    if not found.green:
        what = f"it is broken, and not as the drill says: {', '.join(found.ids)}"
        raise MeasurementError(Problem(what, mend="`lab drill verify` tells more; the drill is wrong"))


def _tells(file: Path) -> tuple[Path, ...]:
    """What of the machine tells the answer: the folders that drills lie in."""
    return (file.resolve().parent,)
