"""Drills verified from the command line: each proof as it is made, a table at the end."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from lab.cli.ending import finish, show_nothing
from lab.drill.verify import verify
from lab.errors import InputError, Problem
from lab.kernel.ground.privileges import enter
from lab.prepare.drills import Play, play_of
from lab.record.drilled import Verified
from lab.report.drill import verified_lines
from lab.report.plain import plain
from lab.report.printed import print_machine_readable
from lab.report.run_json import json_line
from lab.report.wire.drilled import VerifiedDrill
from lab.report.wire.writing import written
from lab.written.drill_file import drill_files, find_drill, read_drill


def verify_and_tell(drills: Sequence[str], seed: int | None, *, json: bool, shipped: bool) -> NoReturn:
    """Verify them, all that there are where none is named; ends with 1 where something is not as it must be."""
    files = [find_drill(one, shipped=shipped) for one in drills] or [*drill_files(shipped=shipped).values()]
    if not files:
        raise InputError(Problem("there is no drill", mend="`lab drill new NAME` writes one; --shipped takes what is shipped"))
    plays = [*_plays(files, seed)]
    enter()
    done = []
    for play in plays:
        done.append(verify(play))
        if json:
            print_machine_readable(json_line(written(VerifiedDrill, done[-1])))
        else:
            print(plain(_line(done[-1])), file=sys.stderr)
        sys.stdout.flush()
    for line in () if json else verified_lines(done):
        print(plain(line))
    finish(0 if all(one.holds for one in done) else 1, show_nothing, show_nothing)


def _plays(files: Sequence[Path], seed: int | None) -> Iterator[Play]:
    for file in files:
        for one in read_drill(file)[1].seeds if seed is None else (seed,):
            yield play_of(file, one)


def _line(one: Verified) -> str:
    return f"{one.drill}, seed {one.seed}: {'verified' if one.holds else 'is not as it must be'} in {one.seconds:.1f} s"
