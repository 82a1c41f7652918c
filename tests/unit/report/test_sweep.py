"""A sweep as text and JSON."""

from __future__ import annotations

import json

import pytest

from lab.record.sweep import Arrived, AskedSweep, Gear, Sweep, SweepGroup, sweep_report
from lab.record.verdict import Kind
from lab.report.sweep import arrived_text, sweep_lines
from lab.report.wire.sweep import Measured
from lab.report.wire.writing import written
from tests.unit.verdict.made import rule, verdict

DENIED = SweepGroup(((1, 442), (444, 65535)), verdict(Kind.REJECTED, rule=rule("end"), reject="tcp-reset"))
OPEN = SweepGroup(((443, 443),), verdict(Kind.CLOSED, rule=rule("web")), Arrived("server", "10.0.2.10", 8443))
LIMITED = SweepGroup(((53, 53),), verdict(Kind.DROPPED), None, "gateway filter:FORWARD:3 (-m limit)")


def test_what_is_open_comes_first_and_the_numbers_last() -> None:
    lines = list(sweep_lines(Sweep((DENIED, OPEN), Gear.RULE, 0.5, repeats=2, notes=("a note",))))
    assert " ".join(lines[0].split()) == "443 closed gateway filter:FORWARD:1 (web) -> server 10.0.2.10 port 8443"
    assert "1-442,444-65535" in lines[1]
    assert "rejected (tcp-reset)" in lines[1]
    assert lines[2:] == ["  note: a note", "65,535 ports in 0.50 s, rule gear, 2 pieces sent again"]


@pytest.mark.parametrize(
    ("arrived", "asked", "words"),
    [
        (Arrived(None, "10.0.2.77", None, None, "10.0.2.77"), None, "10.0.2.77, which no node of the topology has"),
        (Arrived(None, "10.0.2.77", None, None, "10.0.2.77"), 80, "10.0.2.77:80, which no node of the topology has"),
        (Arrived(None, "10.0.2.77", 8080, None, "10.0.2.77"), 80, "10.0.2.77:8080, which no node of the topology has"),
        (Arrived(None, "2001:db8::7", 8080, None, "2001:db8::7"), 80, "[2001:db8::7]:8080, which no node of the topology has"),
        (Arrived(None, "10.9.0.1", 5, None, "10.0.2.9"), 5, "10.9.0.1:5 by way of 10.0.2.9, which no node of the topology has"),
    ],
)
def test_what_was_let_through_to_nobody(arrived: Arrived, asked: int | None, words: str) -> None:
    assert arrived_text(arrived, asked) == words


def test_what_is_unsettled_or_lost_is_said() -> None:
    lost = SweepGroup(((9, 9),), verdict(Kind.LOST))
    text = "\n".join(sweep_lines(Sweep((LIMITED, lost), Gear.RULE)))
    assert "unsettled: 53: gateway filter:FORWARD:3 (-m limit) decides by chance" in text
    assert "2 ports in 0.00 s, rule gear, 1 of them not proven" in text


def test_sources_have_their_names() -> None:
    group = SweepGroup(((0, 1), (3, 3)), verdict(Kind.DROPPED))
    sweep = Sweep((group,), Gear.RULE, sources=("10.0.0.0", "10.0.0.1", "x", "10.0.9.9"))
    assert "10.0.0.0/31; 10.0.9.9" in next(iter(sweep_lines(sweep)))
    told = json.loads(json.dumps(written(Measured, sweep)))["groups"][0]
    assert told["sources"] == ["10.0.0.0", "10.0.0.1", "10.0.9.9"]


def test_many_ranges_are_cut_off_in_text_and_not_in_json() -> None:
    keys = tuple((port, port) for port in range(1, 101, 2))
    sweep = Sweep((SweepGroup(keys, verdict(Kind.DROPPED)),), Gear.VERDICT)
    assert "and 38 more ranges" in next(iter(sweep_lines(sweep)))
    told = json.loads(json.dumps(written(Measured, sweep)))["groups"][0]
    assert len(told["ports"]) == 50


def test_what_comes_beyond_a_limit_is_said_and_written() -> None:
    limited = rule("busy", "REJECT", options="-m limit --limit 100/min")
    beyond = verdict(Kind.DROPPED, rule=rule(target="DROP", number=None))
    group = SweepGroup(((22, 22),), verdict(Kind.REJECTED, rule=limited, reject="tcp-reset"), beyond=beyond)
    (line, _) = sweep_lines(Sweep((group,), Gear.RULE))
    assert " ".join(line.split()) == (
        "22 rejected (tcp-reset) gateway filter:FORWARD:1 (busy), 100/minute burst 5; "
        "beyond that dropped by gateway filter:FORWARD policy"
    )
    (told,) = json.loads(json.dumps(written(Measured, Sweep((group,), Gear.RULE))))["groups"]
    assert (told["limit"], told["beyond"]["verdict"]) == ("100/minute burst 5", "dropped")


def test_what_is_not_settled_or_not_proven_ends_with_3() -> None:
    lost = SweepGroup(((9, 9),), verdict(Kind.LOST))
    for group, code in ((OPEN, 0), (LIMITED, 3), (lost, 3)):
        assert sweep_report([AskedSweep("a > b", "nft", Sweep((group,), Gear.RULE))]).exit_code == code
    assert "2 ports in 0.00 s, rule gear, 1 of them not proven, 1 of them not settled" in [
        *sweep_lines(Sweep((LIMITED, lost), Gear.RULE))
    ]
