"""The after-action report of a drill, as the command line has it; its recordings are kept where they are wanted."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from lab.drill.gathered import debriefed, recordings_of
from lab.drill.played import played
from lab.errors import InputError, Problem, system_words
from lab.report.debrief import to_debrief_markdown
from lab.report.file import STDOUT, check_writable, write_file


def write_debrief(name: str, output: Path | None, casts: Path | None) -> None:
    """Write the report, and copy the recordings into ``casts``; raises InputError where that cannot be."""
    found = played(name)
    target = STDOUT if output is None else output
    check_writable(target)
    if casts is not None:
        _copy(recordings_of(found.entry), casts)
    write_file(target, to_debrief_markdown(debriefed(found)))
    if target != STDOUT:
        kept = "" if casts is not None or not recordings_of(found.entry) else "; the recordings go with the lab: --casts FOLDER"
        print(f"{target} written{kept}", file=sys.stderr)


def _copy(files: tuple[Path, ...], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copyfile(file, folder / file.name)
    except OSError as error:
        raise InputError(Problem(f"the recordings cannot be copied: {system_words(error)}")) from None
