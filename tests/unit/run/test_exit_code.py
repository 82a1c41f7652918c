"""What a run ends with: of several codes the first in the order 4, 2, 3, 1; what strict makes of it."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from lab.record.result import CellResult, Outcome, Summary
from lab.record.verdict import Kind
from lab.run.runner import exit_code, strictly
from lab.verdict.cell_result import Tally
from lab.written.expect.exception import ExceptionSpec
from lab.written.expect.known import KnownSpec
from tests.unit.verdict.made import cell, rule, verdict

TODAY = datetime.date(2026, 5, 4)
SEEN = {
    Outcome.PASSED: verdict(Kind.DROPPED, node="gateway", rule=rule("shut", "DROP")),
    Outcome.FAIL_OPEN: verdict(Kind.ALLOWED, passed_node=True),
    Outcome.MISMATCH: verdict(Kind.UNROUTED),
    Outcome.ERROR: verdict(Kind.LOST),
}


def result(outcome: Outcome, **expect: Any) -> CellResult:
    """The result of a row that expects a drop (or, to fail closed, an allow)."""
    action = "allow" if outcome is Outcome.FAIL_CLOSED else "drop"
    tally = Tally(cell(action, **expect), TODAY)
    tally.add(443, SEEN.get(outcome, SEEN[Outcome.PASSED]))
    found = tally.result()
    assert found.outcome is outcome
    return found


PASS, OPEN, CLOSED, MISMATCH, ERROR = Outcome


@pytest.mark.parametrize(
    ("outcomes", "codes", "code"),
    [
        ([], set(), 0), ([PASS, PASS], set(), 0), ([PASS, OPEN], set(), 1), ([CLOSED], set(), 1), ([MISMATCH], set(), 1),
        ([ERROR], set(), 3), ([OPEN, ERROR, PASS], set(), 3), ([PASS], {4}, 4), ([PASS], {2}, 2), ([PASS], {3}, 3),
        ([OPEN, ERROR], {2}, 2), ([OPEN, ERROR], {2, 3, 4}, 4), ([OPEN], {3}, 3), ([], {2, 4}, 4), ([ERROR], {4}, 4),
    ],
)  # fmt: skip
def test_precedence(outcomes: list[Outcome], codes: set[int], code: int) -> None:
    assert exit_code([result(outcome) for outcome in outcomes], codes) == code


RAW = verdict(Kind.DROPPED, node="gateway", rule=rule("early", "DROP", table="raw", chain="PREROUTING"))


def test_strict_fails_what_is_suspect() -> None:
    tally = Tally(cell("drop"), TODAY)
    tally.add(443, RAW)
    suspect = tally.result()
    assert (suspect.outcome, suspect.suspect) == (Outcome.PASSED, True)
    strict = strictly(suspect)
    assert (strict.outcome, exit_code([strict], set())) == (Outcome.MISMATCH, 1)
    assert "gateway raw:PREROUTING:1 (early)" in strict.differences[-1]


def test_strict_fails_what_is_overdue() -> None:
    past = TODAY - datetime.timedelta(days=1)
    overdue = result(Outcome.PASSED, exception=ExceptionSpec(owner="net-sec", ticket="CHG-1", review=past))
    assert "CHG-1" in overdue.warnings[0]
    strict = strictly(overdue)
    assert (strict.outcome, strict.differences) == (Outcome.MISMATCH, overdue.warnings)


def test_strict_leaves_a_known_failure_alone() -> None:
    tally = Tally(cell("drop", known=KnownSpec(until=TODAY, ticket="BUG-7", why="known")), TODAY)
    tally.add(443, SEEN[Outcome.FAIL_OPEN])
    excused = tally.result()
    assert (excused.outcome, strictly(excused)) == (Outcome.PASSED, excused)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_strict_changes_nothing_else(outcome: Outcome) -> None:
    assert strictly(result(outcome)) == result(outcome)


def test_the_classes_add_up() -> None:
    numbers = {"passed": 5, "fail_open": 1, "fail_closed": 2, "mismatch": 3, "errors": 4, "suspect": 9, "seconds": 0.1}
    assert Summary(cells=15, **numbers).cells == 15  # type: ignore[arg-type]
    for cells in (14, 16, 0):
        with pytest.raises(ValueError, match=f"{cells} cells, but the classes add up to 15"):
            Summary(cells=cells, **numbers)  # type: ignore[arg-type]
