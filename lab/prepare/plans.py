"""From several matrix files to their plans, for each backend that is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lab.errors import InputError, LabError, Problem, as_lab_error
from lab.prepare.plan import Choices, Plan, make_plan
from lab.prepare.templates import Templates
from lab.ruleset.backend import Backend


def make_plans(
    files: Sequence[Path], choices: Choices, backends: Sequence[Backend] = (Backend.NFT,),
    unforeseen: list[LabError] | None = None,
) -> list[Plan]:  # fmt: skip
    """The plans of ``files``; all their problems are collected into one InputError, a selection of nothing too.

    With both backends every file has two plans, and the ids of the second one's cells end in ``@legacy``.  What is no fault
    of a file (the machine's, the lab's own) goes into ``unforeseen``, so that the others can be run; without it, it is raised.
    """
    plans: list[Plan] = []
    problems: list[Problem] = []
    others: list[LabError] = []
    with Templates() as templates:
        for file in files:
            try:
                plans += _plans_of(file, choices, backends, templates)
            except InputError as error:
                problems += error.problems
            except Exception as error:  # noqa: BLE001 - a fault that one file brings out leaves the others alone
                others.append(as_lab_error(error, str(file)))
    if problems:
        raise InputError([*problems, *(problem for error in others for problem in error.problems)])
    if others and (unforeseen is None or not plans):
        raise others[0]
    if unforeseen is not None:
        unforeseen += others
    if not any(plan.cells for plan in plans):
        raise InputError(nothing_selected(f"-k {choices.expression!r}" if choices.expression else "these files"))
    return plans


def _plans_of(file: Path, choices: Choices, backends: Sequence[Backend], templates: Templates) -> Iterator[Plan]:
    # rendered once: the backends are to hold the same text; what one of them cannot hold is refused
    strictest = Backend.LEGACY if Backend.LEGACY in backends else Backend.NFT
    plan = make_plan(file, replace(choices, rendering=replace(choices.rendering, backend=strictest)), templates)
    for number, backend in enumerate(backends):
        way = replace(plan.way, backend=str(backend))
        yield plan.in_way(way, f"@{backend}") if number else replace(plan, way=way)


def nothing_selected(what: str) -> Problem:
    """The problem of a selection that selects no cell."""
    return Problem(f"{what} selects no cell", mend="`lab run --collect` lists all cells")
