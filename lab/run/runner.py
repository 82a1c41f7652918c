"""A whole run: matrix files to results, with progress, order, interruption and exit code."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lab.errors import LabError, MissingError, as_lab_error, gravest, interrupted_code
from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.record.progress import Progress
from lab.record.provenance import Loaded, Provenance
from lab.record.result import CellResult, Outcome, PlanResult, RunProblem, RunResult, Summary
from lab.run.compare import comparisons
from lab.run.matrix_run import MatrixRun
from lab.run.missing import skipped, try_loads
from lab.run.provenance import machine, of_lab
from lab.written.cell import Cell

Asked = Callable[[Plan, Lab], None]


@dataclass(frozen=True, slots=True)
class Order:
    """How cells are run: ``shuffle`` is a seed (None: as written), ``strict`` fails what is otherwise a warning.

    ``first``: the run ends with the first cell that fails.  ``allow_missing``: a matrix whose rules this machine has no modules
    for is skipped, if there is another.
    """

    shuffle: int | None = None
    strict: bool = False
    first: bool = False
    allow_missing: bool = False


def run(
    plans: Sequence[Plan], order: Order, listener: Progress, before: Sequence[LabError] = (), asked: Asked | None = None, *,
    on: Lab | None = None,
) -> RunResult:  # fmt: skip
    """Run every plan; problems that stop one matrix leave the others alone.  Ctrl-C ends the run with what is done.

    ``before`` is what stopped matrices before they had a plan; ``asked`` and ``on`` are those of `run_plan`.
    """
    start = time.perf_counter()
    here = machine(plan.backend for plan in plans)
    done: list[PlanResult] = []
    stopped: list[Exception | KeyboardInterrupt] = [*before]
    cells = sum(len(plan.cells) for plan in plans)
    listener.started(cells)
    try:
        for plan in plans:
            if plan.cells:
                done.append(run_plan(plan, order, listener, asked, on=on))
                if done[-1].interrupted is not None:
                    break
                if order.first and done[-1].failed and not (order.allow_missing and done[-1].lacks):
                    after = sum(len(one.results) for one in done)
                    note = f"-x: stopped at the first failure, after {after} of {cells} cells"
                    done[-1] = replace(done[-1], notes=(*done[-1].notes, note))
                    break
    except KeyboardInterrupt as error:
        stopped.append(error)
    finally:
        listener.finished()
    if order.allow_missing and any(one.results for one in done):
        done = [skipped(one) if one.lacks else one for one in done]
    loaded = {one.name: one.loaded for one in done if one.loaded is not None}
    provenance = Provenance(here, loaded, begun=bool(done))
    return summed_up([_stopped(PlanResult(""), stopped, ""), *done], provenance, time.perf_counter() - start)


def run_plan(
    plan: Plan, order: Order, listener: Progress, asked: Asked | None = None, *, on: Lab | None = None
) -> PlanResult:
    """Run one plan, which has a cell; whatever stops it, also Ctrl-C, is told in the result beside what was found by then.

    ``asked`` is given the lab that its cells shared, once all of them were asked; ``on`` is one that stands already, and stays.
    """
    cells = list(plan.cells)
    if order.shuffle is not None:
        from random import Random

        Random(order.shuffle).shuffle(cells)
    matrix_run = MatrixRun(plan, heard=listener.asking, on=on)
    found: list[CellResult] = []
    stopped: list[Exception | KeyboardInterrupt] = []
    loaded: Loaded | None = None
    with _noted(stopped), closing(matrix_run), _noted(stopped):  # to take the lab down can fail too, or be interrupted
        if on is None:
            try_loads(plan)
        loaded = of_lab(matrix_run.lab)
        for result in matrix_run.run(cells):
            found.append(strictly(result) if order.strict else result)
            listener.cell(found[-1])
            if order.first and found[-1].outcome is not Outcome.PASSED:
                break
        if asked is not None:
            asked(plan, matrix_run.lab)
    results = tuple(in_order(found, plan.cells))
    done = PlanResult(plan.name, results, loaded, notes=(*plan.notes, *matrix_run.notes), repeats=matrix_run.repeats)
    return _stopped(done, stopped, plan.matrix.matrix)


@contextmanager
def _noted(stopped: list[Exception | KeyboardInterrupt]) -> Iterator[None]:
    """Whatever stops what is inside is noted: it leaves the other matrices alone, and what was found by then."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever it is
        stopped.append(error)


def _stopped(done: PlanResult, stopped: Sequence[Exception | KeyboardInterrupt], matrix: str) -> PlanResult:
    """The result with what stopped it."""
    told = [as_lab_error(error) for error in stopped if isinstance(error, Exception)]
    signals = [interrupted_code(error) for error in stopped if isinstance(error, KeyboardInterrupt)]
    return replace(
        done,
        problems=tuple(RunProblem(problem, matrix) for error in told for problem in error.problems),
        codes=frozenset(error.exit_code for error in told),
        lacks=bool(told) and all(isinstance(error, MissingError) for error in told),
        interrupted=signals[-1] if signals else None,
    )


def in_order(results: Iterable[CellResult], cells: Sequence[Cell]) -> list[CellResult]:
    """Results in the order of ``cells``, whatever order they were measured in."""
    place = {cell.id: number for number, cell in enumerate(cells)}
    return sorted(results, key=lambda result: place[result.id])


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


def summed_up(done: Sequence[PlanResult], provenance: Provenance, seconds: float) -> RunResult:
    """The run that these plans make, wherever they were run, in the order that reports tell them in."""
    results = tuple(result for one in done for result in one.results)
    count = {outcome: sum(result.outcome is outcome for result in results) for outcome in Outcome}
    summary = Summary(
        cells=len(results),
        passed=count[Outcome.PASSED],
        fail_open=count[Outcome.FAIL_OPEN],
        fail_closed=count[Outcome.FAIL_CLOSED],
        mismatch=count[Outcome.MISMATCH],
        errors=count[Outcome.ERROR],
        suspect=sum(result.suspect for result in results),
        seconds=seconds,
        repeats=sum(one.repeats for one in done),
    )
    compared = comparisons(results)
    codes = {code for one in done for code in one.codes}
    if any(one.must_agree and one.contrasts for one in compared):
        codes.add(1)
    signals = [one.interrupted for one in done if one.interrupted is not None]
    return RunResult(
        results, summary, signals[-1] if signals else exit_code(results, codes), provenance,
        tuple(problem for one in done for problem in one.problems),
        tuple(dict.fromkeys(note for one in done for note in one.notes)), bool(signals), compared,
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
