"""A change or a drill checked as far as that needs no kernel: its words, its policies, and the matrices that must hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.errors import InputError, Problem
from lab.prepare.changed import changed_scenes, held_plan
from lab.prepare.drills import Play, play_of
from lab.prepare.policies import AS_IT_IS, Rendering
from lab.prepare.templates import Templates
from lab.ruleset.backend import Backend
from lab.written.cell import Cell
from lab.written.change import Change
from lab.written.drill import PARTS
from lab.written.drill_file import read_drill
from lab.written.files import Unfit, is_ordinary, read_file
from lab.written.intended import admin_cells, intended_cells
from lab.written.load import held_matrices, load_change, project_of, search_folders

_BEGINS = re.compile(rb"^[\"']?change[\"']?[ \t]*:", re.MULTILINE)
_BEGINS_DRILL = re.compile(rb"^[\"']?drill[\"']?[ \t]*:", re.MULTILINE)
_READ = 64 * 1024  # bytes, in which its first key is


@dataclass(frozen=True, slots=True)
class CheckedChange:
    """A change that is in order: how many cells its rows have and its matrices; ``cells`` None where its twin is not made."""

    file: Path
    change: Change
    cells: int | None
    held: int
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        cells = "" if self.cells is None else f" ({_counted(self.cells, 'cell')})"
        where = f"topology {self.change.topology}" if self.change.topology else f"the twin of {self.change.twin}"
        holds = f", {_counted(self.held, 'cell')} of {', '.join(self.change.holds)} to hold" if self.held else ""
        what = f"{_counted(len(self.change.intends), 'row')}{cells}{holds}, on {where}"
        return f"{self.file}: {what}, policy for {', '.join(self.change.new)}: fine"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def is_change(file: Path) -> bool:
    """Whether a file is a change, by its keys; what cannot be read is told by who reads it."""
    try:
        return _BEGINS.search(read_file(file, _READ)) is not None
    except (OSError, ValueError, Unfit):
        return False


def is_drill(file: Path) -> bool:
    """Whether a file is a drill, by its keys; what cannot be read is told by who reads it."""
    try:
        return _BEGINS_DRILL.search(read_file(file, _READ)) is not None
    except (OSError, ValueError, Unfit):
        return False


@dataclass(frozen=True, slots=True)
class CheckedDrill:
    """A drill that is in order with every seed that it offers."""

    file: Path
    play: Play

    def __str__(self) -> str:
        drill = self.play.drill
        cells = _counted(sum(len(self.play.cells(part).cells) for part in PARTS), "cell")
        return f"{self.file}: {_counted(len(drill.seeds), 'seed')}, {cells}, on topology {drill.topology}: fine"

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know of its policies."""
        return self.play.scene.notes((4, 6))


def check_drill(file: Path, *, rendering: Rendering = AS_IT_IS, shipped: bool = False) -> CheckedDrill:
    """The drill in ``file`` with every seed that it offers; raises InputError with every problem found, each once."""
    problems: list[Problem] = []
    plays: list[Play] = []
    with Templates() as templates:
        for seed in read_drill(file)[1].seeds:
            try:
                plays.append(play_of(file, seed, rendering=rendering, templates=templates, shipped=shipped))
            except InputError as error:
                problems += error.problems
    if problems:
        raise InputError(dict.fromkeys(problems))
    return CheckedDrill(file, plays[0])


def check_change(file: Path, *, rendering: Rendering = AS_IT_IS, shipped: bool = False) -> CheckedChange:
    """The change in ``file``; raises InputError with every problem found."""
    change = load_change(file)
    matrices = held_matrices(change, search_folders(file, shipped=shipped))
    if change.topology is None:
        _twin_is_there(file, change)
        note = f"its words are read with the twin of {change.twin}"
        return CheckedChange(file, change, None, 0, (note,))
    scenes = changed_scenes(file, change, rendering=rendering, shipped=shipped)
    problems: list[Problem] = []
    topology = scenes.new.topology
    cells = _tried(lambda: intended_cells(change, topology), problems)
    _tried(lambda: admin_cells(change, topology), problems)
    held: list[Cell] = []
    for matrix in matrices:
        held += _tried(lambda: held_plan(matrix, scenes.new, Backend.NFT, rendering).cells, problems)  # noqa: B023 - called at once
    if problems:
        raise InputError(dict.fromkeys(problems))
    families = sorted({cell.family for cell in (*cells, *held)})
    return CheckedChange(file, change, len(cells), len(held), scenes.new.notes(families))


def _tried(cells: Callable[[], Sequence[Cell]], problems: list[Problem]) -> Sequence[Cell]:
    """The cells; what is wrong with them goes to the problems."""
    try:
        return cells()
    except InputError as error:
        problems += error.problems
        return ()


def _twin_is_there(file: Path, change: Change) -> None:
    assert change.twin is not None
    if not any(is_ordinary(folder / change.twin) for folder in (project_of(file), Path())):
        what = f"there is no file {change.twin!r} in {project_of(file)}"
        raise InputError(Problem(what, change.where("twin"), "`lab snapshot` prints a script that makes one"))
