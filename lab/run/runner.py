"""A whole run: matrix files to results, with progress, order, interruption and exit code."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab.errors import InputError, LabError, Problem, as_lab_error, gravest, interrupted_code
from lab.prepare.plan import Choices, Plan, make_plan
from lab.prepare.templates import Templates
from lab.record.progress import Progress
from lab.record.result import CellResult, Outcome, RunProblem, RunResult, Summary
from lab.ruleset.backend import Backend
from lab.run.compare import MARKED, comparisons
from lab.run.matrix_run import MatrixRun, in_order, nothing_selected
from lab.run.provenance import machine, of_lab
from lab.written.cell import Cell


@dataclass(frozen=True, slots=True)
class Order:
    """How cells are run: ``shuffle`` is a seed (None: as written), ``strict`` fails what is otherwise a warning.

    ``first``: the run ends with the first cell that fails.
    """

    shuffle: int | None = None
    strict: bool = False
    first: bool = False


@dataclass(slots=True)
class _State:
    """What a run has come to by now."""

    machine: dict[str, object]
    results: list[CellResult] = field(default_factory=list)
    problems: list[RunProblem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    codes: set[int] = field(default_factory=set)
    repeats: int = 0
    interrupted: int | None = None

    @property
    def failed(self) -> bool:
        """Whether anything is not as expected by now."""
        return bool(self.codes) or any(result.outcome is not Outcome.PASSED for result in self.results)

    def stopped(self, error: Exception, matrix: str) -> None:
        """Note what stopped a matrix."""
        told = as_lab_error(error)
        self.problems += [RunProblem(problem, matrix) for problem in told.problems]
        self.codes.add(told.exit_code)


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
        cells = tuple(replace(cell, id=cell.id + MARKED) for cell in plan.cells) if number else plan.cells
        yield replace(plan, backend=backend, cells=cells)


def run(plans: Sequence[Plan], order: Order, listener: Progress, before: Sequence[LabError] = ()) -> RunResult:
    """Run every plan; problems that stop one matrix leave the others alone.  Ctrl-C ends the run with what is done.

    ``before`` is what stopped matrices before they had a plan.
    """
    start = time.perf_counter()
    done = _State(machine(plan.backend for plan in plans))
    for error in before:
        done.stopped(error, "")
    cells = sum(len(plan.cells) for plan in plans)
    listener.started(cells)
    try:
        for plan in plans:
            _run_plan(plan, order, listener, done)
            if order.first and done.failed:
                done.notes.append(f"-x: stopped at the first failure, after {len(done.results)} of {cells} cells")
                break
    except KeyboardInterrupt as error:
        done.interrupted = interrupted_code(error)
    finally:
        listener.finished()
    return _summed_up(done, time.perf_counter() - start)


def _run_plan(plan: Plan, order: Order, listener: Progress, done: _State) -> None:
    cells = list(plan.cells)
    if order.shuffle is not None:
        random.Random(order.shuffle).shuffle(cells)
    if not cells:
        return
    matrix_run = MatrixRun(plan, ports=listener.ports)
    found: list[CellResult] = []
    try:
        done.machine.setdefault("matrices", {})
        _provenance(done.machine, _name(plan, cells), of_lab(matrix_run.lab))
        for result in matrix_run.run(cells):
            judged = strictly(result) if order.strict else result
            found.append(judged)
            listener.cell(judged)
            if order.first and judged.outcome is not Outcome.PASSED:
                break
    except Exception as error:  # noqa: BLE001 - whatever stops one matrix leaves the others alone
        done.stopped(error, plan.matrix.matrix)
    finally:
        # first what was found: taking the lab down can fail, or be interrupted
        done.results += in_order(found, plan.cells)
        done.notes += plan.notes
        done.repeats += matrix_run.repeats
        _close(matrix_run, done)


def _close(matrix_run: MatrixRun, done: _State) -> None:
    try:
        matrix_run.close()
    except Exception as error:  # noqa: BLE001 - as above
        done.stopped(error, matrix_run.plan.matrix.matrix)


def _name(plan: Plan, cells: Sequence[Cell]) -> str:
    return plan.matrix.matrix + (MARKED if cells[0].id.endswith(MARKED) else "")


def _provenance(into: dict[str, object], matrix: str, found: Mapping[str, object]) -> None:
    matrices = into["matrices"]
    assert isinstance(matrices, dict)
    matrices[matrix] = found


def strictly(result: CellResult) -> CellResult:
    """The result under ``--strict``: what is suspect or overdue fails."""
    if result.outcome is not Outcome.PASSED or result.known:
        return result
    if result.suspect:
        words = f"denied for the wrong reason? decided by {result.verdict.rule}, and the row names no rule"
        return replace(result, outcome=Outcome.MISMATCH, differences=(*result.differences, words))
    if result.warnings:
        return replace(result, outcome=Outcome.MISMATCH, differences=(*result.differences, *result.warnings))
    return result


def _summed_up(done: _State, seconds: float) -> RunResult:
    count = {outcome: sum(result.outcome is outcome for result in done.results) for outcome in Outcome}
    summary = Summary(
        cells=len(done.results),
        passed=count[Outcome.PASSED],
        fail_open=count[Outcome.FAIL_OPEN],
        fail_closed=count[Outcome.FAIL_CLOSED],
        mismatch=count[Outcome.MISMATCH],
        errors=count[Outcome.ERROR],
        suspect=sum(result.suspect for result in done.results),
        seconds=seconds,
        repeats=done.repeats,
    )
    compared = comparisons(done.results)
    if any(one.left == Backend.NFT and one.contrasts for one in compared):
        done.codes.add(1)
    code = done.interrupted or exit_code(done.results, done.codes)
    return RunResult(
        tuple(done.results), summary, code, done.machine, tuple(done.problems), tuple(dict.fromkeys(done.notes)),
        done.interrupted is not None, compared,
    )  # fmt: skip


def exit_code(results: Sequence[CellResult], codes: set[int]) -> int:
    """0 all as expected · 1 a cell behaved otherwise · 2 input · 3 measurement · 4 machine: first of 4, 2, 3, 1."""
    seen = set(codes)
    if any(result.outcome is Outcome.ERROR for result in results):
        seen.add(3)
    if any(result.outcome not in (Outcome.PASSED, Outcome.ERROR) for result in results):
        seen.add(1)
    return gravest(seen)


def inputs_of(plans: Iterable[Plan]) -> list[Path]:
    """The files that plans were made from, as far as a report could be written over them."""
    found: list[Path] = []
    for plan in plans:
        texts = [text.file for rulesets in plan.policies.values() for _, text in rulesets.parts()]
        found += [plan.file, *(folder / file for folder in (Path(), plan.file.parent.parent) for file in texts)]
    return found
