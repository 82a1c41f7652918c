"""Which way a cell is asked in, and which lab each of its questions goes to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import pytest

from lab.record.path import End, Path, Rule, Step
from lab.record.verdict import Kind, Verdict
from lab.ruleset.memories import Memories
from lab.run.asker import Asker
from lab.run.ways import each_port, fresh, swept
from lab.run.ways.logged import Logged
from lab.run.ways.registry import way_of
from lab.written.cell import Cell, Service
from tests.unit.ruleset.made import saved
from tests.unit.run.test_exit_code import TODAY
from tests.unit.run.test_isolation import LIMITED, LOG, TOPOLOGY
from tests.unit.verdict.made import SYN, cell, observed, verdict

DNS = cell("drop", service=Service("udp/53", "udp", ((53, 53),)))
RANGE = replace(DNS, service=Service("udp/51-54", "udp", ((51, 54),)))
MANY = replace(DNS, service=Service("udp/1-200", "udp", ((1, 200),)))
WHIM = "-A FORWARD -p udp -m statistic --mode nth --every 2 --packet 0 -j DROP"


class FakeLab:
    """Says the same of every question, and writes down that it was asked."""

    def __init__(self, name: str, labs: FakeLabs) -> None:
        self.name, self._labs = name, labs
        self.rules_that_remember = labs.rules

    def ask(self, _question: object, at: str, *, closely: bool) -> Verdict:
        assert at == "gateway"
        self._labs.asked.append((self.name, closely))
        return self._labs.verdict

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._labs.asked.append((self.name, None))


class FakeLabs:
    """Counts the labs that were built: ``clean 1``, ``clean 2``, …"""

    def __init__(self, *rules: str, says: Verdict | None = None) -> None:
        text = "\n".join(("*filter", ":INPUT ACCEPT [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]", *rules, "COMMIT\n"))
        self.rules = Memories(TOPOLOGY, {"gateway": saved(text)})
        self.verdict = says or verdict(Kind.DROPPED)
        self.asked: list[tuple[str, bool | None]] = []
        self.shared = FakeLab("shared", self)
        self._built = {"clean": 0, "fresh": 0}
        self._clean: FakeLab | None = None

    @property
    def clean(self) -> FakeLab:
        if self._clean is None:
            self._clean = self._build("clean")
        return self._clean

    def fresh(self) -> FakeLab:
        return self._build("fresh")

    def drop_clean(self) -> None:
        self._clean = None

    def _build(self, kind: str) -> FakeLab:
        self._built[kind] += 1
        return FakeLab(f"{kind} {self._built[kind]}", self)


def asker(labs: FakeLabs, told: list[tuple[int, int]] | None = None) -> Asker:
    made: Any = labs
    return Asker(made, TODAY, lambda _, done, of: None if told is None else told.append((done, of)))


def came_as_far_as(number: int) -> Verdict:
    """A drop by the rule of this number in FORWARD."""
    rule = Rule("gateway", "filter", "FORWARD", number, "")
    path = Path("gateway", SYN, (Step("forward", "filter", "FORWARD", rule, "drop"),), End.DROPPED)
    return verdict(Kind.DROPPED, observation=observed(path))


@pytest.mark.parametrize(
    ("rules", "of", "way"),
    [
        ((), DNS, each_port), ((LOG,), DNS, each_port), ((LIMITED,), cell(), each_port), ((LIMITED,), DNS, fresh),
        ((), MANY, swept), ((LIMITED,), MANY, swept), ((), replace(MANY, sport=53), each_port),
        ((LIMITED,), replace(MANY, sport=53), fresh),
    ],
)  # fmt: skip
def test_the_way_of_a_cell(rules: tuple[str, ...], of: Cell, way: object) -> None:
    assert way_of(of, asker(FakeLabs(*rules))) is way


def test_a_limited_log_comes_before_every_other_way() -> None:
    expecting = [replace(of, expect=replace(of.expect, further={"logged": "x"})) for of in (DNS, MANY)]
    assert all(isinstance(way_of(of, asker(FakeLabs(LOG, LIMITED))), Logged) for of in expecting)
    assert not any(isinstance(way_of(of, asker(FakeLabs("-A FORWARD -j LOG"))), Logged) for of in expecting)


def test_cells_share_a_lab_where_nothing_remembers() -> None:
    labs = FakeLabs()
    assert [ports for _, ports in each_port.ask(RANGE, asker(labs)).verdicts] == [((51, 54),)]
    assert labs.asked == [("shared", False)] * 4


def test_clean_nodes_are_used_until_a_packet_comes_as_far_as_a_rule_that_remembers() -> None:
    untouched = FakeLabs("-A FORWARD -p udp --dport 9 -j DROP", LIMITED, says=came_as_far_as(1))
    fresh.ask(RANGE, asker(untouched))
    assert untouched.asked == [("clean 1", True)] * 4
    touched = FakeLabs("-A FORWARD -p udp --dport 9 -j DROP", LIMITED, says=came_as_far_as(2))
    fresh.ask(RANGE, asker(touched))
    assert touched.asked == [(f"clean {number}", True) for number in (1, 2, 3, 4)]


def test_beyond_some_ports_nodes_are_shared_and_then_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "MOST_TOUCHES", 2)
    labs = FakeLabs(LIMITED, says=came_as_far_as(1))
    ask = asker(labs)
    result = fresh.ask(RANGE, ask).result()
    assert [name for name, _ in labs.asked] == ["clean 1", "clean 2", "clean 3", "clean 3"]
    assert result.warnings == (f"2 ports shared nodes, though a rule remembers what it saw: {LIMITED}",)
    assert labs.clean.name == "clean 4"


def test_a_question_whose_instrument_failed_is_asked_once_more() -> None:
    faulty = verdict(Kind.LOST, observation=observed(faults=("no exit seen",)))
    labs = FakeLabs(LIMITED, says=faulty)
    ask = asker(labs)
    assert ask.ask(DNS, None) is faulty  # type: ignore[arg-type]
    assert (labs.asked, ask.repeats) == ([("clean 1", True), ("clean 2", True)], 2)


def test_the_log_of_each_verdict_is_asked_for_on_fresh_nodes() -> None:
    labs = FakeLabs(LOG)
    expecting = replace(RANGE, expect=replace(RANGE.expect, further={"logged": "x"}))
    ask = asker(labs)
    result = way_of(expecting, ask).ask(expecting, ask).result()
    assert labs.asked == [("shared", False)] * 4 + [("fresh 1", True), ("fresh 1", None)]
    assert "log" in result.differences[0], "the cell is judged by what its row says, not without its log"


def test_a_rule_that_decides_by_no_packet_s_own_is_warned_of_in_every_way() -> None:
    for way in (each_port, fresh):
        (warning,) = way.ask(DNS, asker(FakeLabs(WHIM))).result().warnings
        assert warning.endswith(WHIM)


def test_how_far_a_long_cell_is_is_told_at_each_tenth() -> None:
    told: list[tuple[int, int]] = []
    each_port.ask(replace(MANY, service=Service("udp/1-100", "udp", ((1, 100),))), asker(FakeLabs(), told))
    each_port.ask(replace(MANY, service=Service("udp/1-99", "udp", ((1, 99),))), asker(FakeLabs(), told))
    assert told == [(done, 100) for done in range(10, 100, 10)]
