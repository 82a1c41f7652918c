"""Matrices and changes checked without a kernel, as the command line has it: all problems at once, else what is fine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab.cli import options as o
from lab.cli.given import Given, Selection
from lab.errors import InputError, Problem
from lab.prepare.checked import CheckedChange, check_change
from lab.prepare.plan import Plan
from lab.report.plain import plain
from lab.ruleset.backend import Backend
from lab.run.after.source_ports import notes_of


def check_and_print(given: Given, changes: Sequence[Path], *, matrices_too: bool) -> None:
    """Check the matrices that are given, and the changes; raises InputError with every problem found."""
    problems: list[Problem] = []
    plans: list[Plan] = []
    checked: list[CheckedChange] = []
    if matrices_too:
        try:
            plans = given.whole_plans(Selection(o.BOTH.families, [Backend.NFT]))
        except InputError as error:
            problems += error.problems
    for file in changes:
        try:
            checked.append(check_change(file, rendering=given.rendering(Backend.NFT), shipped=given.shipped))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(dict.fromkeys(problems))
    for plan in plans:
        nodes = ", ".join(plan.policies) or "no node"
        print(f"{plan.file}: {len(plan.cells)} cells on topology {plan.topology.topology}, policy for {nodes}: fine")
        _print_notes([*plan.notes, *notes_of(plan)])
    for change in checked:
        print(plain(str(change)))
        _print_notes(change.notes)


def _print_notes(notes: Sequence[str]) -> None:
    for note in notes:
        print(f"  note: {plain(note)}")
