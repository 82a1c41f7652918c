"""Which of the files that a command is given are changes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab.prepare.checked import is_change

FOLDER = "changes"


def changes_among(named: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The changes among the files that are named (a folder stands for its ``*.yaml``), and the rest of these.

    Without any it is all of ``changes/``, where there is such a folder.
    """
    if not named:
        return _inside(Path(FOLDER)), []
    changes: list[Path] = []
    others: list[Path] = []
    for path in named:
        inside = _inside(path) if path.is_dir() else [path]
        found = [file for file in inside if is_change(file)]
        changes += found
        if not found:
            others.append(path)
        elif len(found) < len(inside):
            others += [file for file in inside if file not in found]
    return changes, others


def _inside(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]) if folder.is_dir() else []
