"""Which of the files that a command is given are changes, and which are drills."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from lab.prepare.checked import is_change, is_drill

FOLDER = "changes"
DRILLS = "drills"


def changes_among(named: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The changes among the files that are named (a folder stands for its ``*.yaml``), and the rest of these.

    Without any it is all of ``changes/``, where there is such a folder.
    """
    return (_inside(Path(FOLDER)), []) if not named else _among(named, is_change)


def drills_among(named: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The same of drills, and of ``drills/``."""
    return (_inside(Path(DRILLS)), []) if not named else _among(named, is_drill)


def _among(named: Sequence[Path], is_one: Callable[[Path], bool]) -> tuple[list[Path], list[Path]]:
    chosen: list[Path] = []
    others: list[Path] = []
    for path in named:
        inside = _inside(path) if path.is_dir() else [path]
        found = [file for file in inside if is_one(file)]
        chosen += found
        if not found:
            others.append(path)
        elif len(found) < len(inside):
            others += [file for file in inside if file not in found]
    return chosen, others


def _inside(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]) if folder.is_dir() else []
