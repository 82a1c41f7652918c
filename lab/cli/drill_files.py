"""Drills as files, as the command line has them: listed, begun, and printed for an exercise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab.errors import InputError, Problem

SHEETS = ("players.md", "facilitator.md", "injects.csv")


def list_drills(levels: Sequence[int], roles: Sequence[str], as_json: Path | None, *, shipped: bool = True) -> int:
    """Print the drills that there are, or write them as JSON; the exit code is 2 where a file is wrong."""
    from lab.prepare.drill_list import listed
    from lab.report.drill_list import drill_lines
    from lab.report.file import STDOUT, write_file
    from lab.report.run_json import json_text
    from lab.report.wire.drills import Drills
    from lab.report.wire.writing import written
    from lab.written.drill_file import drill_files

    found = listed(drill_files(shipped=shipped), levels, roles)
    if as_json is not None:
        write_file(as_json, json_text(written(Drills, found)))
    if as_json != STDOUT:
        print("\n".join(drill_lines(found)))
    return found.exit_code


def new_drill(name: str) -> Path:
    """Write a new drill into ``drills/`` of the working folder; raises InputError where one is there, or for no name of one."""
    from lab.cli.drill_skeleton import skeleton
    from lab.report.file import write_file
    from lab.written.drill_file import FOLDER
    from lab.written.words import parse_name

    try:
        parse_name(name)
    except ValueError as error:
        raise InputError(Problem(str(error), mend="lab drill new publish-broken")) from None
    file = Path(FOLDER) / f"{name}.yaml"
    if file.is_symlink() or file.exists():
        raise InputError(Problem(f"{file} is there already", mend="choose another name, or write over it by hand"))
    write_file(file, skeleton(name, str(file)))
    print(f"{file} can be played as it is: lab drill start {name}; what its keys mean is said in it")
    return file


def sheet_of(drill: str, seed: int | None, folder: Path, *, shipped: bool = True) -> None:
    """Write the papers of an exercise into ``folder``: one for players, one for who runs it, and the injects as CSV."""
    from lab.prepare.drills import play_of
    from lab.report.drill_guide import facilitator_sheet
    from lab.report.drill_sheet import injects_sheet, players_sheet
    from lab.report.file import check_writable, write_file
    from lab.written.drill_file import find_drill

    play = play_of(find_drill(drill, shipped=shipped), seed, shipped=shipped)
    texts = (players_sheet(play), facilitator_sheet(play), injects_sheet(play))
    for name in SHEETS:
        check_writable(folder / name)
    for name, text in zip(SHEETS, texts, strict=True):
        write_file(folder / name, text)
    print(f"{', '.join(SHEETS)} written to {folder}: players get {SHEETS[0]} alone")
