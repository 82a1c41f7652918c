"""Everything that can be told of files without the kernel, as the command line has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lab.cli import options as o
from lab.cli.changes import changes_among, drills_among
from lab.cli.given import Given, Selection
from lab.errors import InputError, Problem
from lab.prepare.checked import CheckedChange, CheckedDrill, check_change, check_drill
from lab.prepare.plan import Plan
from lab.report.plain import plain
from lab.ruleset.backend import Backend
from lab.run.after.source_ports import notes_of


def check_and_tell(given: Given, named: Sequence[Path]) -> None:
    """Check what is named, matrices, changes and drills; raises InputError with all that is wrong."""
    drills, others = drills_among(named)
    changes, matrices = changes_among(others) if others or not named else ([], [])
    given = replace(given, matrices=matrices)
    problems: list[Problem] = []
    plans: list[Plan] = []
    checked: list[CheckedChange | CheckedDrill] = []
    try:
        plans += given.whole_plans(Selection(o.BOTH.families, [Backend.NFT])) if matrices or not named else []
    except InputError as error:
        problems += error.problems
    for file in changes:
        try:
            checked.append(check_change(file, rendering=given.rendering(Backend.NFT), shipped=given.shipped))
        except InputError as error:
            problems += error.problems
    for file in drills:
        try:
            checked.append(check_drill(file, rendering=given.rendering(Backend.NFT), shipped=given.shipped))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(dict.fromkeys(problems))
    for plan in plans:
        nodes = ", ".join(plan.policies) or "no node"
        print(f"{plan.file}: {len(plan.cells)} cells on topology {plan.topology.topology}, policy for {nodes}: fine")
        for note in (*plan.notes, *notes_of(plan)):
            print(f"  note: {plain(note)}")
    for one in checked:
        print(plain(str(one)))
        for note in one.notes:
            print(f"  note: {plain(note)}")
