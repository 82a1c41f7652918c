"""Plans that were run, wherever that was, to the result of the whole run."""

from __future__ import annotations

from dataclasses import replace

from lab.errors import Problem
from lab.prepare.plans import nothing_selected
from lab.record.provenance import Provenance
from lab.record.result import CellResult, Outcome, PlanResult, RunProblem
from lab.record.verdict import Kind
from lab.record.way import Way
from lab.run.runner import in_order, summed_up
from lab.verdict.cell_result import Tally
from tests.unit.report import make
from tests.unit.run.test_exit_code import TODAY
from tests.unit.verdict.made import cell, verdict

PROVENANCE = make.provenance()
PASSED = make.cell()
PROBLEM = RunProblem(Problem("the lab could not be built"), "edge")


def plan(*results: CellResult, **keys: object) -> PlanResult:
    return PlanResult("edge", results, **keys)  # type: ignore[arg-type]


def test_the_numbers_are_those_of_all_plans() -> None:
    run = summed_up([plan(PASSED, make.fail_open(), repeats=2), plan(make.split_range(), repeats=3), plan()], PROVENANCE, 1.5)
    assert [result.outcome for result in run.results] == [Outcome.PASSED, Outcome.FAIL_OPEN, Outcome.FAIL_OPEN]
    assert (run.summary.cells, run.summary.passed, run.summary.fail_open, run.summary.repeats) == (3, 1, 2, 5)
    assert (run.exit_code, run.interrupted, run.problems, run.summary.seconds) == (1, False, (), 1.5)
    assert run.provenance is PROVENANCE


def test_what_stopped_one_plan_leaves_the_others() -> None:
    stopped = plan(problems=(PROBLEM,), codes=frozenset({4}), notes=("one", "two"))
    run = summed_up([stopped, plan(PASSED, notes=("two", "three"))], PROVENANCE, 0)
    assert (run.exit_code, run.problems, len(run.results)) == (4, (PROBLEM,), 1)
    assert run.notes == ("one", "two", "three"), "what two of them say is told once"


def test_a_signal_is_what_the_run_ends_with() -> None:
    run = summed_up([plan(PASSED, make.fail_open(), interrupted=143, codes=frozenset({4}))], PROVENANCE, 0)
    assert (run.exit_code, run.interrupted) == (143, True)


def test_backends_that_differ_are_a_failure_and_families_are_not() -> None:
    dropped = replace(PASSED, verdict=replace(PASSED.verdict, kind=Kind.DROPPED))
    for other, code in ((replace(dropped, family=6), 0), (replace(dropped, way=Way("legacy")), 1)):
        run = summed_up([plan(PASSED), plan(other)], PROVENANCE, 0)
        assert len(run.comparisons[0].contrasts) == 1
        assert run.exit_code == code


def test_matrices_are_told_of_once_one_has_begun() -> None:
    matrices = PROVENANCE.plain()["matrices"]
    assert isinstance(matrices, dict)
    assert list(matrices) == ["web-edge"]
    assert "matrices" not in Provenance(PROVENANCE.machine, begun=False).plain()
    assert Provenance(PROVENANCE.machine).plain()["matrices"] == {}


def test_results_come_in_the_order_of_the_cells() -> None:
    cells = [replace(cell(), id=f"made::row[{number}]") for number in range(4)]
    results = []
    for one in reversed(cells):
        tally = Tally(one, TODAY)
        tally.add(443, verdict())
        results.append(tally.result())
    assert [result.id for result in in_order(results, cells)] == [one.id for one in cells]


def test_a_selection_of_nothing_says_what_selected_it() -> None:
    assert str(nothing_selected("-k 'nowhere'")).startswith("-k 'nowhere' selects no cell")
