"""Which cells failed when they were last run, for ``lab run --lf``: a small file in the working folder.

What it holds only ever chooses among the cells that the matrices have, whoever wrote it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from lab.prepare.plan import Plan
from lab.record.result import CellResult, Outcome
from lab.written.files import Unfit, read_file

FOLDER = ".netfilter-lab"
FILE = "last-failed.json"
_MOST_BYTES = 64 << 20


def last_failed(project: Path) -> frozenset[str]:
    """The ids of the cells that failed when they were last run in this folder; none where nothing readable says so."""
    try:
        said = json.loads(read_file(project / FOLDER / FILE, _MOST_BYTES, within=project))
    except (OSError, Unfit, ValueError, RecursionError):
        return frozenset()
    failed = said.get("failed") if isinstance(said, dict) else None
    return frozenset(one for one in failed if isinstance(one, str)) if isinstance(failed, list) else frozenset()


def remember(project: Path, results: Iterable[CellResult]) -> None:
    """Note which cells failed; what was known of cells that were not run stays.

    A folder that takes no file is none to remember in: that is no failure of the run.
    """
    before = last_failed(project)
    outcomes = {result.id: result.outcome for result in results}
    failed = {one for one, outcome in outcomes.items() if outcome is not Outcome.PASSED}
    now = (before - outcomes.keys()) | failed
    if now != before:
        with suppress(OSError):
            _write(project / FOLDER, json.dumps({"version": 1, "failed": sorted(now)}, indent=1) + "\n")


def only_failed(plans: Sequence[Plan], failed: Collection[str]) -> list[Plan]:
    """The plans with those of their cells that ``failed``, with all of them where none did; a note says which it is."""
    chosen = [replace(plan, cells=tuple(cell for cell in plan.cells if cell.id in failed)) for plan in plans]
    count, of = (sum(len(plan.cells) for plan in some) for some in (chosen, plans))
    if count:
        note = f"--lf: {count} of {of} cells, those that failed when they were last run"
    else:
        chosen, note = list(plans), "--lf: none of these cells failed when it was last run, so all were run"
    return [replace(plan, notes=(*plan.notes, note)) for plan in chosen]


def _write(folder: Path, text: str) -> None:
    """Write the file anew in one step; no link is followed, as a stranger's project could have one to a file of the user's."""
    with suppress(FileExistsError):
        folder.mkdir()
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with suppress(FileExistsError):
            _new(place, ".gitignore", "*\n")
        beside = f".{os.urandom(8).hex()}"
        try:
            _new(place, beside, text)
            os.rename(beside, FILE, src_dir_fd=place, dst_dir_fd=place)
        except OSError:
            with suppress(OSError):
                os.unlink(beside, dir_fd=place)
            raise
    finally:
        os.close(place)


def _new(place: int, name: str, text: str) -> None:
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666, dir_fd=place)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
        file.write(text)
