"""From several matrix files to their plans, for each backend that is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab.errors import InputError, LabError, Problem, as_lab_error
from lab.prepare.plan import Choices, Expanded, Plan, expand_file, finish_plan
from lab.prepare.select import Picked, choose
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
    told = _Told()
    with Templates() as templates:
        every: list[Expanded] = []
        for file in files:
            with told.of(file):
                every.append(expand_file(file, choices, templates))
        ids = [cell for one in every for cell in one.ids]
        # where a file is wrong nothing is run: it may be the one that is meant
        chosen = Picked() if told.problems or not every else choose(choices.expression, choices.pasted, ids, backends)
        for one in every:
            with told.of(one.file):
                plans += _plans_of(one, chosen, choices, backends, templates)
    problems, others = told.problems, told.others
    if problems:
        raise InputError(dict.fromkeys([*problems, *(problem for error in others for problem in error.problems)]))
    if others and (unforeseen is None or not plans):
        raise others[0]
    if unforeseen is not None:
        unforeseen += others
    if not any(plan.cells for plan in plans):
        raise InputError(nothing_selected("this" if choices.expression or choices.pasted else "these files"))
    return [replace(plans[0], notes=(*plans[0].notes, *chosen.notes)), *plans[1:]]


@dataclass(slots=True)
class _Told:
    """What is wrong with files, and what no file is to blame for."""

    problems: list[Problem] = field(default_factory=list)
    others: list[LabError] = field(default_factory=list)

    @contextmanager
    def of(self, file: Path) -> Iterator[None]:
        """What is raised inside is told of this file, and leaves the others alone."""
        try:
            yield
        except InputError as error:
            self.problems += error.problems
        except Exception as error:  # noqa: BLE001 - a fault that one file brings out leaves the others alone
            self.others.append(as_lab_error(error, str(file)))


def _plans_of(
    matrix: Expanded, chosen: Picked, choices: Choices, backends: Sequence[Backend], templates: Templates
) -> Iterator[Plan]:
    # rendered once: the backends are to hold the same text; what one of them cannot hold is refused
    strictest = Backend.LEGACY if Backend.LEGACY in backends else Backend.NFT
    rendering = replace(choices.rendering, backend=strictest)
    plan = finish_plan(matrix, chosen, replace(choices, rendering=rendering), templates)
    for number, backend in enumerate(backends):
        way = replace(plan.way, backend=str(backend))
        cells = tuple(cell for cell in plan.cells if chosen.takes((plan.file, cell.id), backend))
        one = replace(plan, way=way, cells=cells)
        yield one.in_way(way, f"@{backend}") if number else one


def nothing_selected(what: str) -> Problem:
    """The problem of a selection that selects no cell."""
    return Problem(f"{what} selects no cell", mend="`lab run --collect` lists all cells")
