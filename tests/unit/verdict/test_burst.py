"""What the packets of a burst come to: how many passed, within the time that it took, and what became of each."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

from lab.record.result import CellResult, Outcome
from lab.record.verdict import Kind, Verdict
from lab.report.detail import explain
from lab.verdict.burst import Fired, Refill, expected_of, result_of
from lab.written.cell import Again, Burst, Cell, Expectation, Sender
from lab.written.expect.rule import RULE
from tests.unit.verdict.made import cell, rule, verdict

TODAY = datetime.date(2026, 1, 31)
SSH, FAST = rule("ssh", number=1), rule("too-fast", "DROP", number=2)
PASSED = verdict(Kind.ALLOWED, rule=SSH, passed_node=True)
DROPPED = verdict(Kind.DROPPED, rule=FAST, node="gateway", packet="SYN")
OTHERWISE = verdict(Kind.DROPPED, rule=SSH, node="gateway")
MUTE = verdict(Kind.UNANSWERED, rule=SSH, passed_node=True)
LOST = verdict(Kind.LOST)
OTHER = Sender("partner", "198.51.100.20", "partner")


def burst(least: int = 2, most: int = 2, send: int = 4, **more: object) -> tuple[Cell, Burst]:
    one = cell("allow")
    rest = Expectation("drop", None, {RULE.name: "too-fast"})
    found = Burst(send, least, most, rest, (one.sender,), **more)  # type: ignore[arg-type]
    return replace(one, burst=found), found


def result(of: tuple[Cell, Burst], *series: list[Verdict], refill: Refill | None = None, again: int = 0) -> CellResult:
    """That of so many series from sources of their own; ``again`` of the last so many are once more."""
    once_more = of[1].again
    senders = [of[0].sender, OTHER]
    fired = [
        Fired(senders[0 if again else number % 2], 443, one, 0.5, refill or Refill(), once_more if last else None)
        for number, one in enumerate(series)
        for last in [number >= len(series) - again]
    ]
    return result_of(*of, fired, TODAY)


def test_as_many_as_are_said() -> None:
    found = result(burst(), [PASSED] * 2 + [DROPPED] * 2)
    assert (found.outcome, found.differences, found.notes) == (Outcome.PASSED, (), ())
    assert found.expected == "allow 2 of 4, and drop the rest"
    assert [(group.numbers, group.passed, group.expected) for group in found.bursts[0].groups] == [
        ("1-2", True, "allow"), ("3-4", False, "drop"),
    ]  # fmt: skip
    assert "1-2 allowed by gateway filter:FORWARD:1 (ssh), 3-4 dropped" in explain(found)
    assert "(2 of 4 passed in 0.50 s)" in explain(found)


@pytest.mark.parametrize(
    ("packets", "outcome", "says", "kind"),
    [
        ([PASSED] * 3 + [DROPPED], Outcome.FAIL_OPEN, "at most 2 must pass, but 3 of 4 passed: 1-3 allowed", Kind.ALLOWED),
        ([PASSED] + [DROPPED] * 3, Outcome.FAIL_CLOSED, "at least 2 must pass, but 1 of 4 passed", Kind.DROPPED),
        ([PASSED] * 2 + [DROPPED, LOST], Outcome.ERROR, "packet 4:", Kind.LOST),
        ([PASSED] * 2 + [DROPPED, OTHERWISE], Outcome.MISMATCH, "packet 4: must be decided by rule too-fast", Kind.DROPPED),
        ([PASSED, MUTE, DROPPED, DROPPED], Outcome.FAIL_CLOSED, "packet 2: must pass", Kind.UNANSWERED),
    ],
)  # fmt: skip
def test_what_is_wrong(packets: list[Verdict], outcome: Outcome, says: str, kind: Kind) -> None:
    found = result(burst(), packets)
    assert (found.outcome, found.verdict.kind) == (outcome, kind)
    assert found.differences[0].startswith(says)


def test_a_measurement_that_failed_does_not_count_as_denied() -> None:
    assert result(burst(), [PASSED, LOST, LOST, DROPPED]).outcome is Outcome.ERROR
    assert result(burst(), [PASSED] * 3 + [LOST]).outcome in (Outcome.ERROR, Outcome.FAIL_OPEN)


def test_what_a_limit_lets_through_in_the_time_that_it_took() -> None:
    late = result(burst(), [PASSED] * 3 + [DROPPED], refill=Refill(1, "2/second burst 2"))
    assert late.outcome is Outcome.PASSED
    (note,) = late.notes
    assert note == (
        "3 of 4 passed: 1-3 allowed by gateway filter:FORWARD:1 (ssh), 4 dropped by gateway filter:FORWARD:2 (too-fast); "
        "2 are expected, and in 0.50 s 2/second burst 2 lets 1 more through"
    )
    assert result(burst(), [PASSED] * 4, refill=Refill(1, "2/second burst 2")).outcome is Outcome.FAIL_OPEN
    assert result(burst(), [PASSED] * 2 + [DROPPED] * 2, refill=Refill(9)).notes == (), "it made no difference"


def test_each_source_by_itself_or_all_together() -> None:
    half = [PASSED] + [DROPPED] * 3
    assert result(burst(1, 1), half, half).outcome is Outcome.PASSED
    apart = result(burst(2, 2), half, [PASSED] * 2 + [DROPPED] * 2)
    (difference,) = apart.differences
    assert difference == (
        "at least 2 must pass, but from 10.0.1.10: 1 of 4 passed: 1 allowed by gateway filter:FORWARD:1 (ssh), "
        "2-4 dropped by gateway filter:FORWARD:2 (too-fast)"
    )
    assert result(burst(2, 2, together=True), half, half).outcome is Outcome.PASSED
    assert result(burst(2, 2, together=True), half, [PASSED] * 2 + [DROPPED] * 2).outcome is Outcome.FAIL_OPEN


def test_once_more_with_bounds_of_its_own() -> None:
    of = burst(again=Again(2.0, 0, 1))
    first = [PASSED] * 2 + [DROPPED] * 2
    assert result(of, first, [DROPPED] * 4, again=1).outcome is Outcome.PASSED
    again = result(of, first, first, again=1)
    assert again.differences[0].startswith("at most 1 must pass, but after 2 s: 2 of 4 passed: 1-2 allowed")
    assert expected_of(*of) == "allow 2 of 4, 0 to 1 after another 2 s, and drop the rest"
