"""One cell's verdicts, port by port, to one result."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

import pytest

from lab.record.result import CellResult, Outcome
from lab.record.verdict import Kind, Verdict
from lab.verdict.cell_result import Tally, expected_words
from lab.written.cell import Cell, Service
from lab.written.expect.exception import ExceptionSpec
from lab.written.expect.known import KnownSpec
from lab.written.expect.logged import LoggedSpec
from tests.unit.verdict.made import cell, observed, passed, rule, verdict

TODAY = datetime.date(2026, 5, 4)
YESTERDAY, TOMORROW = TODAY - datetime.timedelta(days=1), TODAY + datetime.timedelta(days=1)
RANGE = Service("tcp/1-100", "tcp", ((1, 100),))
DROPPED = verdict(Kind.DROPPED, node="gateway", rule=rule("shut", "DROP"), observation=observed(probe_us=30.0))
BY_ANOTHER = verdict(Kind.DROPPED, node="gateway", rule=rule("other", "DROP", number=2), observation=observed(probe_us=30.0))
RAW = verdict(Kind.DROPPED, node="gateway", rule=rule("raw", "DROP", table="raw", chain="PREROUTING"))
ALLOWED = verdict(Kind.ALLOWED, passed_node=True, observation=observed(passed(rule()), probe_us=90.0))
LOST = verdict(Kind.LOST)


def tallied(of: Cell, ports: Iterable[tuple[int | None, Verdict]]) -> CellResult:
    tally = Tally(of, TODAY)
    for port, seen in ports:
        tally.add(port, seen)
    return tally.result()


def test_one_port() -> None:
    result = tallied(cell("drop"), [(443, DROPPED)])
    assert (result.outcome, result.verdict, result.ports, result.groups) == (Outcome.PASSED, DROPPED, 1, ())
    assert (result.id, result.row, result.where) == ("made::row[client->server tcp/443]", "row", "matrices/made.yaml:7")
    assert (result.sender, result.target, result.service, result.at) == ("client", "server", "tcp/443", "gateway")


def test_no_port() -> None:
    result = tallied(cell("drop"), [(None, DROPPED)])
    assert (result.outcome, result.ports, result.groups) == (Outcome.PASSED, 1, ())


def test_a_uniform_range() -> None:
    result = tallied(cell("drop", service=RANGE), [(port, DROPPED) for port in range(1, 101)])
    assert (result.outcome, result.ports, result.groups) == (Outcome.PASSED, 100, ())


def test_a_range_that_differs_says_where() -> None:
    open_ports = {22, 80, 81, 100}
    result = tallied(
        cell("drop", service=RANGE), [(port, ALLOWED if port in open_ports else DROPPED) for port in range(1, 101)]
    )
    assert (result.outcome, result.verdict, result.ports) == (Outcome.FAIL_OPEN, ALLOWED, 100)
    assert [(group.ports, group.count, group.verdict) for group in result.groups] == [
        ("22,80-81,100", 4, ALLOWED),
        ("1-21,23-79,82-99", 96, DROPPED),
    ]


def test_the_worst_group_speaks_for_the_range() -> None:
    for seen, outcome in (([DROPPED, ALLOWED], Outcome.FAIL_OPEN), ([ALLOWED, DROPPED, LOST], Outcome.ERROR)):
        assert tallied(cell("drop", service=RANGE), enumerate(seen, start=1)).outcome is outcome


def test_two_rules_that_are_both_right_are_no_difference() -> None:
    result = tallied(cell("drop", service=RANGE), [(1, DROPPED), (2, BY_ANOTHER)])
    assert (result.outcome, result.groups) == (Outcome.PASSED, ())


def test_two_rules_of_which_one_is_wrong() -> None:
    result = tallied(cell("drop", service=RANGE, rule="shut"), [(1, DROPPED), (2, BY_ANOTHER), (3, DROPPED)])
    assert (result.outcome, result.verdict) == (Outcome.MISMATCH, BY_ANOTHER)
    assert [group.ports for group in result.groups] == ["2", "1,3"]


def test_one_suspect_port_makes_the_cell_suspect() -> None:
    assert tallied(cell("drop", service=RANGE), [(1, DROPPED), (2, RAW)]).suspect
    assert not tallied(cell("drop", service=RANGE), [(1, DROPPED), (2, DROPPED)]).suspect


def test_the_time_of_a_probe_is_the_mean() -> None:
    assert tallied(cell("drop", service=RANGE), [(1, DROPPED), (2, ALLOWED)]).probe_us == pytest.approx(60.0)


def test_confirmed_by_the_first_port_of_each_group() -> None:
    asked: list[int | None] = []

    def ask(port: int | None) -> Verdict:
        asked.append(port)
        return DROPPED

    tally = Tally(cell("drop", service=RANGE), TODAY)
    for port, seen in ((5, DROPPED), (6, BY_ANOTHER), (7, BY_ANOTHER), (8, DROPPED)):
        tally.add(port, seen)
    tally.confirm(cell("drop", service=RANGE, logged=LoggedSpec(prefix="x")), ask)
    assert asked == [5, 6]
    assert tally.result().outcome is Outcome.MISMATCH, "judged as the cell that expects a log"


@pytest.mark.parametrize(("review", "overdue"), [(YESTERDAY, True), (TODAY, False), (TOMORROW, False)])
def test_an_exception_is_overdue_the_day_after_its_review(review: datetime.date, overdue: bool) -> None:
    result = tallied(cell("drop", exception=ExceptionSpec(owner="net-sec", ticket="CHG-1", review=review)), [(1, DROPPED)])
    assert (result.outcome, bool(result.warnings)) == (Outcome.PASSED, overdue)
    assert all("CHG-1" in warning and "net-sec" in warning for warning in result.warnings)


def known(until: datetime.date) -> KnownSpec:
    return KnownSpec(until=until, ticket="BUG-7", why="the vendor's fault")


@pytest.mark.parametrize("until", [TODAY, TOMORROW])
def test_a_known_failure_passes_and_is_told(until: datetime.date) -> None:
    result = tallied(cell("drop", known=known(until)), [(1, ALLOWED)])
    assert (result.outcome, result.known) == (Outcome.PASSED, True)
    assert "BUG-7: the vendor's fault" in result.warnings[-1]


def test_a_known_failure_past_its_date_fails_as_it_is() -> None:
    result = tallied(cell("drop", known=known(YESTERDAY)), [(1, ALLOWED)])
    assert (result.outcome, result.known) == (Outcome.FAIL_OPEN, False)
    assert "which is past" in result.differences[-1]


def test_a_known_failure_that_passes_is_a_mismatch() -> None:
    result = tallied(cell("drop", known=known(TOMORROW)), [(1, DROPPED)])
    assert (result.outcome, result.known) == (Outcome.MISMATCH, False)
    assert "remove `known`" in result.differences[0]


def test_a_failed_measurement_is_never_known() -> None:
    result = tallied(cell("drop", known=known(TOMORROW)), [(1, LOST)])
    assert (result.outcome, result.known) == (Outcome.ERROR, False)


def test_expectations_in_words() -> None:
    cells = cell("allow"), cell("reject", reject_with="tcp-reset"), cell("deny", by="rp_filter")
    assert [expected_words(one) for one in cells] == ["allow", "reject with tcp-reset", "deny by rp_filter"]
