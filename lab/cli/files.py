"""Which matrix files a command is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab.errors import InputError, Problem
from lab.spec.load import shipped_root

FOLDER = "matrices"


def matrix_files(named: Sequence[Path]) -> list[Path]:
    """The files that were named (a folder stands for its ``*.yaml``), else all of ``matrices/``, else the shipped ones."""
    if not named:
        own = Path(FOLDER)
        named = [own if own.is_dir() else shipped_root() / FOLDER]
    found: list[Path] = []
    problems: list[Problem] = []
    for path in named:
        inside = sorted([*path.glob("*.yaml"), *path.glob("*.yml")]) if path.is_dir() else [path]
        if not inside:
            problems.append(Problem(f"{path} holds no matrix", mend="`lab init` lays out an example"))
        found += inside
    if problems:
        raise InputError(problems)
    return found


def assignments(texts: Sequence[str]) -> dict[str, str]:
    """``NODE=FILE`` options as a mapping; InputError for one that is not of that form."""
    found = {}
    for text in texts:
        node, equals, file = text.partition("=")
        if not equals or not node or not file:
            raise InputError(Problem(f"--policy {text!r} is not NODE=FILE", mend="--policy gateway=policies/new.rules.j2"))
        found[node] = file
    return found
