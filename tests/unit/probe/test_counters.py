"""Counters of rules against the trace: what was asked about must have been counted, and what came by besides need not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from lab.probe.question import Handshake, Question
from lab.probe.witness.counters import Counters
from lab.record.observation import Milestone, Observation
from lab.record.path import Path, Rule
from tests.unit.verdict.made import SYN, passed, rule

WEB, ASKED = rule("web"), rule("neighbours", number=7)
QUESTION = Question("client", SYN.source, SYN.destination, Handshake(443))


class Instrument:
    """Counts as it is told to: so many packets before, and after."""

    def __init__(self, *counts: dict[Rule, int]) -> None:
        self._counts = iter(counts)

    def packets(self) -> Any:
        now = next(self._counts)
        return SimpleNamespace(of=now.get)


def told(before: dict[Rule, int], after: dict[Rule, int], *others: Path) -> Observation:
    stage: Any = SimpleNamespace(instrument=Instrument(before, after))
    counters = Counters(stage, QUESTION, None)
    return counters.tell(Observation(SYN, Milestone.ANSWERED, request=(passed(WEB),), others=others))


def test_what_was_met_and_counted() -> None:
    found = told({WEB: 3}, {WEB: 5})
    assert ([(one.rule, one.before, one.after) for one in found.counters], found.faults) == ([(WEB, 3, 5)], ())


def test_what_was_met_and_did_not_count_is_a_fault() -> None:
    assert told({WEB: 3}, {WEB: 3}).faults == (
        "gateway filter:FORWARD:1 (web) was met, as the trace tells, and its counter stands at 3",
    )  # fmt: skip


def test_what_came_by_besides_may_have_been_counted_before() -> None:
    """The trace of a question for a neighbour is read with the probe's own, whenever it was sent."""
    found = told({WEB: 3, ASKED: 9}, {WEB: 4, ASKED: 9}, passed(ASKED))
    assert (found.faults, [one.rule for one in found.counters]) == ((), [WEB])


def test_a_rule_that_counts_nothing_says_nothing() -> None:
    assert told({}, {}).counters == told({WEB: 1}, {}).counters == ()
