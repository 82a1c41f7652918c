"""Which way a cell is asked in, and what of it is asked."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from lab.probe.question import Question
from lab.record.verdict import Kind, Verdict
from lab.run.asker import Asker
from lab.run.ways import burst, by_port, each_port, sequence, swept, too_big
from lab.run.ways.by_port import way_of_ports
from lab.run.ways.logged import Logged
from lab.run.ways.registry import way_of
from lab.sweep.fates import Fate, SweepTally
from lab.written.cell import Burst, Cell, Service, Step
from lab.written.expect.logged import LoggedSpec, Times
from tests.kernel.scenes import FAR, NEAR, corridor, topology
from tests.unit.run.test_exit_code import TODAY
from tests.unit.verdict.made import cell, verdict

DNS = cell("drop", service=Service("udp/53", "udp", ((53, 53),)))
RANGE = replace(DNS, service=Service("udp/51-54", "udp", ((51, 54),)))
MANY = replace(DNS, service=Service("udp/1-200", "udp", ((1, 200),)))
WHIM = "-A FORWARD -p udp -m statistic --mode nth --every 2 --packet 0 -j DROP"


NARROW = {"network": "right", "address": FAR, "mtu": 1400}
NO_SOURCES: Any = None  # what these tests do not ask


class FakeLab:
    """Says the same of every question, and writes down what of it was asked."""

    topology = topology(corridor(gateway={"interfaces": {"left": NEAR, "right": NARROW}}))

    def __init__(self, *texts: str, logs: bool = False, says: Verdict | None = None, messages: bool = False) -> None:
        self.logs_messages = messages
        self.asked: list[tuple[int | None, bool]] = []
        self._texts, self._logs, self._says = texts, logs, says or verdict(Kind.DROPPED)

    def ask(self, question: Question, at: str, *, logs: bool) -> Verdict:
        assert at == "gateway"
        self.asked.append((question.port, logs))
        return self._says

    def remembers(self, _question: Question, _ports: object, *, logs: bool) -> bool:
        assert logs
        return self._logs

    def whims(self, _question: Question, _ports: object) -> tuple[str, ...]:
        return self._texts


def asker(lab: FakeLab, told: list[tuple[int, int]] | None = None) -> Asker:
    made: Any = SimpleNamespace(shared=lab)
    return Asker(made, NO_SOURCES, TODAY, lambda _, done, of: None if told is None else told.append((done, of)))


@pytest.mark.parametrize(("of", "way"), [(DNS, each_port), (MANY, swept), (replace(MANY, sport=53), each_port)])
def test_the_way_of_a_cell(of: Cell, way: object) -> None:
    assert way_of_ports(of, asker(FakeLab())) is way
    assert way_of(of, asker(FakeLab())) is by_port
    step = Step(1, "send", of.where, "send", expect=of.expect)
    assert way_of(replace(of, steps=(step,)), asker(FakeLab())) is sequence
    assert way_of(replace(of, burst=Burst(5, 2, 2, of.expect, (of.sender,))), asker(FakeLab())) is burst
    assert [way_of(replace(of, payload=bytes(size)), asker(FakeLab())) for size in (1300, 1301)] == [by_port, too_big]


def test_a_limited_log_comes_before_every_other_way() -> None:
    expecting = [replace(of, expect=replace(of.expect, further={"logged": LoggedSpec(prefix="x")})) for of in (DNS, MANY)]
    assert all(isinstance(way_of_ports(of, asker(FakeLab(logs=True))), Logged) for of in expecting)
    assert not any(isinstance(way_of_ports(of, asker(FakeLab())), Logged) for of in expecting)
    assert not isinstance(way_of_ports(DNS, asker(FakeLab(logs=True))), Logged), "it expects no log"


@pytest.mark.parametrize(("of", "apart"), [(DNS, False), (RANGE, False), (MANY, True)])
def test_the_messages_that_came_are_asked_for_beside_a_sweep(of: Cell, apart: bool) -> None:
    once = replace(of, expect=replace(of.expect, further={"logged": LoggedSpec(times=Times(min=1, max=1))}))
    prefix = replace(of, expect=replace(of.expect, further={"logged": LoggedSpec(prefix="x")}))
    assert isinstance(way_of_ports(once, asker(FakeLab())), Logged) is apart
    assert isinstance(way_of_ports(prefix, asker(FakeLab(messages=True))), Logged) is apart
    assert not isinstance(way_of_ports(prefix, asker(FakeLab())), Logged)


def test_every_port_is_asked_in_the_lab_that_cells_share() -> None:
    lab = FakeLab()
    assert [ports for _, ports in each_port.ask(RANGE, asker(lab)).verdicts] == [((51, 54),)]
    assert lab.asked == [(port, False) for port in range(51, 55)]


def test_the_log_of_each_verdict_is_asked_for_as_if_nothing_had_been_logged() -> None:
    lab = FakeLab(logs=True)
    expecting = replace(RANGE, expect=replace(RANGE.expect, further={"logged": LoggedSpec(prefix="x")}))
    ask = asker(lab)
    result = way_of_ports(expecting, ask).ask(expecting, ask).result()
    assert lab.asked == [*((port, False) for port in range(51, 55)), (51, True)]
    assert "log" in result.differences[0], "the cell is judged by what its row says, not without its log"


def test_a_rule_that_decides_by_no_packet_s_own_is_warned_of() -> None:
    (warning,) = each_port.ask(DNS, asker(FakeLab(WHIM))).result().warnings
    assert warning == f"a rule decides by counting packets, and the next one may fare otherwise: {WHIM}"


def test_a_sweep_that_is_interrupted_leaves_what_was_proven() -> None:
    class Interrupted(FakeLab):
        def source_port(self, _source: str) -> int:
            return 32768

        def ask_all(self, _question: object, tally: SweepTally, **_at: str) -> None:
            tally.add("dropped", [51, 52, 53], lambda: Fate(verdict(Kind.DROPPED)))
            tally.sent = 9
            tally.tell(3)
            raise KeyboardInterrupt

    told: list[tuple[int, int]] = []
    ask = asker(Interrupted(), told)
    with pytest.raises(KeyboardInterrupt):
        swept.ask(MANY, ask)
    assert ask.under_way is not None
    assert (ask.under_way.asked, [ports for _, ports in ask.under_way.verdicts]) == (3, [((51, 53),)])
    assert told == [(0, MANY.service.port_count), (3, MANY.service.port_count)]


def test_how_far_a_cell_is_is_told_when_it_begins_and_at_each_port() -> None:
    told: list[tuple[int, int]] = []
    each_port.ask(replace(MANY, service=Service("udp/1-9", "udp", ((1, 9),))), asker(FakeLab(), told))
    assert told == [(done, 9) for done in range(10)]
