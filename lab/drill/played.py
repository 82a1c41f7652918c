"""A drill that is going on, as any command finds it: its lab, its texts, and its journal, in a folder that no node sees."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

from lab.drill.checking import Baseline
from lab.drill.grounds import Grounds
from lab.drill.injects import stage_of
from lab.drill.journal import Journal
from lab.drill.progress import progress_of
from lab.errors import InputError, MachineError, Problem
from lab.keep.entry import Entry, entries, find
from lab.prepare.drills import Play
from lab.record.drilled import Progress
from lab.site import Site

FOLDER, _PLAYED = "drill", "played"


@dataclass(frozen=True, slots=True)
class Played:
    """A drill that goes on in the lab of ``entry``; ``baseline`` is what it began with."""

    entry: Entry
    play: Play
    baseline: Baseline
    journal: Journal

    @property
    def progress(self) -> Progress:
        """How far the team is."""
        return progress_of(self.journal.events(), len(self.play.drill.stages))

    @property
    def stage(self) -> int:
        """Which of its stages has begun, from 1; 0 before the first."""
        return stage_of(self.play.drill.stages, self.journal.events())

    def grounds(self, site: Site) -> Grounds:
        """What it is played on, as ``site`` found it."""
        return grounds_of(self.entry, site, self.play)


def grounds_of(entry: Entry, site: Site, play: Play) -> Grounds:
    """The grounds of a drill in a lab that is kept."""
    return Grounds(site, {name: entry.door_of(name) for name in entry.nodes}, play.policies)


def keep(entry: Entry, play: Play, baseline: Baseline) -> Played:
    """Put down what later commands need; raises MachineError."""
    folder = entry.folder / FOLDER
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / _PLAYED).write_bytes(pickle.dumps((play, baseline)))
    except OSError as error:
        raise MachineError(Problem(f"{folder} cannot be written: {error.strerror}")) from error
    return Played(entry, play, baseline, Journal(folder))


def played(name: str) -> Played:
    """The drill that goes on in the lab of this name; raises InputError where there is none."""
    entry = find(name)
    folder = entry.folder / FOLDER
    if not entry.drill:
        others = ", ".join(one.name for one in entries() if one.drill)
        mend = f"drills go on in: {others}" if others else f"`lab drill start DRILL --name {name}` starts one"
        raise InputError(Problem(f"{name} is up, and no drill goes on there", mend=mend))
    try:
        play, baseline = pickle.loads((folder / _PLAYED).read_bytes())
    except FileNotFoundError:
        raise InputError(Problem(f"the drill in {name} is being started")) from None
    except Exception:  # noqa: BLE001 - whatever another version has written
        what = f"the drill in {name} was started by another version of netfilter-lab"
        raise MachineError(Problem(what, mend=f"lab drill stop {name}")) from None
    return Played(entry, play, baseline, Journal(folder))


def folder_of(entry: Entry) -> Path:
    """Where the state of a lab's drill lies."""
    return entry.folder / FOLDER
