"""What a change comes to: rows, matrices, breadth and what stopped it, as one exit code."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from lab.errors import Problem
from lab.prepare.plan import Plan
from lab.prepare.scene import Scene
from lab.record.difference import DiffReport
from lab.record.result import CellResult, Outcome, PlanResult, RunProblem
from lab.ruleset.backend import Backend
from lab.study.change import judge
from tests.unit.report.make import cell as result
from tests.unit.study.change.made import difference, lost, report, topology
from tests.unit.study.change.test_asked_for import change

SCENE = Scene(topology(), {}, {})
TODAY = datetime.date(2026, 1, 1)
PASSED, FAILED = Outcome.PASSED, Outcome.FAIL_CLOSED
Ran = Callable[[Sequence[PlanResult]], None]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Has plans come to these results, one after the other: the rows on the old side, on the new one, then matrices."""

    def these(results: Sequence[PlanResult]) -> None:
        waiting: Iterator[PlanResult] = iter(results)
        monkeypatch.setattr(judge, "run_plan", lambda *_: next(waiting))

    return these


def of_rows(*outcomes: Outcome, **changes: Any) -> PlanResult:
    """A plan of which each cell is of a row of its own."""
    return PlanResult("CHG-1", tuple(_cell(f"row {n}", outcome) for n, outcome in enumerate(outcomes)), **changes)


def _cell(row: str, outcome: Outcome) -> CellResult:
    words = () if outcome is PASSED else ("must pass, but was dropped",)
    return replace(result(outcome), row=row, id=f"CHG-1::{row}", differences=words)


def judged(*rows: Mapping[str, Any], on: DiffReport | None = None, **about: Any) -> DiffReport:
    of = change(*rows).model_copy(update=about)
    return judge.judged(on or report(difference()), of, SCENE, SCENE, today=TODAY)


def test_what_was_asked_for_ends_with_0(ran: Ran) -> None:
    ran([of_rows(FAILED), of_rows(PASSED)])
    found = judged({})
    assert ([one.passed for one in found.intended], found.exit_code, found.breadth) == ([True], 0, 1)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ([of_rows(PASSED)], [of_rows(PASSED)], "held before already: CHG-1::row 0 was allowed by"),
        ([of_rows(FAILED)], [of_rows(FAILED)], "does not hold afterwards: CHG-1::row 0: must pass, but was dropped"),
        ([of_rows(Outcome.ERROR)], [of_rows(PASSED)], "not known, as it could not be asked on both sides: CHG-1::row 0: must"),
        ([of_rows(FAILED)], [of_rows(Outcome.ERROR)], "not known, as it could not be asked on both sides: CHG-1::row 0: must"),
        ([of_rows(FAILED)], [of_rows()], "not known, as it could not be asked on both sides: the run was stopped"),
    ],
)
def test_a_row_that_is_not_as_it_should_be_ends_with_1(
    ran: Ran, old: list[PlanResult], new: list[PlanResult], said: str
) -> None:
    ran([*old, *new])
    found = judged({})
    ((row,), code) = found.intended, found.exit_code
    assert (row.passed, code) == (False, 1)
    assert row.what.startswith(said)


def test_each_row_by_itself(ran: Ran) -> None:
    ran([of_rows(FAILED, PASSED), of_rows(PASSED, PASSED)])
    found = judged({}, {"service": "tcp/444"})
    assert [(one.name, one.passed) for one in found.intended] == [("row 0", True), ("row 1", False)]


def test_collateral_and_breadth_end_with_1(ran: Ran) -> None:
    ran([of_rows(FAILED), of_rows(PASSED)] * 2)
    beside = report(difference(), difference(services="tcp/8080", size=0))
    assert judged({}, on=beside).exit_code == 1
    wide = judged({}, on=report(difference(size=2)))
    assert (wide.collateral, wide.breadth, wide.exit_code) == ((), 2, 1)


def test_what_stopped_it_goes_before(ran: Ran) -> None:
    refused = of_rows(problems=(RunProblem(Problem("it is refused")),), codes=frozenset([2]))
    ran([of_rows(FAILED), refused])
    found = judged({})
    assert (found.exit_code, [problem.what for problem in found.problems]) == (2, ["it is refused"])
    ran([of_rows(FAILED), of_rows(PASSED)])
    assert judged({}, on=report(difference(), exit_code=3)).exit_code == 3
    ran([of_rows(interrupted=130)])  # nothing more is run
    found = judged({})
    assert (found.exit_code, found.interrupted, [one.passed for one in found.intended]) == (130, True, [False])


def test_rows_of_another_node_are_told_where_that_is_compared(ran: Ran) -> None:
    ran([])
    found = judged({}, on=report(difference(new=lost()), node="another"))
    assert (found.intended, found.exit_code) == ((), 1)


def test_a_review_that_is_overdue_is_a_note(ran: Ran) -> None:
    ran([of_rows(FAILED), of_rows(PASSED)] * 2)
    assert judged({}, review=TODAY).notes == ()
    late = judged({}, review=TODAY - datetime.timedelta(1), owner="net-sec")
    assert late.notes == ("CHG-1 was to be reviewed by net-sec by 2025-12-31",)


def test_it_is_asked_on_the_side_that_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    sides: list[tuple[str, str]] = []

    def run_plan(plan: Plan, *_: object) -> PlanResult:
        sides.append((plan.topology.about, str(plan.backend)))
        return of_rows(PASSED)

    monkeypatch.setattr(judge, "run_plan", run_plan)
    old, new = (replace(SCENE, topology=topology().model_copy(update={"about": about})) for about in ("old", "new"))
    nft, legacy = Backend
    judge.judged(report(), change({}), old, new, backends=(legacy, nft), today=TODAY)
    assert sides == [("old", str(legacy)), ("new", str(nft))]
