"""What counts prove: all packets eaten by one node and nothing else, or nothing at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.record.observation import Milestone, Observation, Refusal
from lab.record.sweep import Counts
from lab.record.verdict import Kind, Verdict
from lab.verdict.swept import agree, counted_out, delivered, eater, nothing_eaten, of_each
from tests.unit.verdict.made import DATAGRAM, SYN, rule


def observed(told: str | None = None, *, sent: bool = True) -> Observation:
    return Observation(SYN if sent else DATAGRAM, Milestone.SENT, refusal=Refusal(told, None) if told else None)


@pytest.mark.parametrize(
    ("counts", "denied", "node"),
    [
        ({"gateway": Counts(5, 5)}, 5, "gateway"),
        ({"gateway": Counts(5, 5), "second": Counts(0, 0)}, 5, "gateway"),
        ({"gateway": Counts(4, 4)}, 5, None),  # one died elsewhere
        ({"gateway": Counts(5, 6)}, 5, None),  # an answer was eaten too
        ({"gateway": Counts(5, 5), "second": Counts(0, 1)}, 5, None),
        ({"gateway": Counts(3, 3), "second": Counts(2, 2)}, 5, None),
        ({"gateway": Counts(6, 6)}, 5, None),  # one that was delivered was eaten too: there were two of it
        ({}, 5, None),
        ({"gateway": Counts(0, 0)}, 0, None),
    ],
)
def test_who_ate_them(counts: dict[str, Counts], denied: int, node: str | None) -> None:
    assert eater(counts, denied) == node


def test_nothing_eaten_is_neither_a_packet_nor_an_answer() -> None:
    assert nothing_eaten({"gateway": Counts(0, 0), "second": Counts(0, 0)})
    assert not nothing_eaten({"gateway": Counts(0, 1)})
    assert not nothing_eaten({"gateway": Counts(0, 0), "second": Counts(1, 0)})


def test_what_each_packet_moved() -> None:
    counts = {"gateway": Counts(4, 4, (4, 0, 8)), "second": Counts(0, 0, ())}
    assert of_each(counts, 4) == ((1, 0, 2), ())
    assert of_each({"gateway": Counts(4, 4, (4, 2))}, 4) is None


def test_counts_since() -> None:
    assert Counts(7, 9, (3, 4)).since(Counts(5, 5, (3, 1))) == Counts(2, 4, (0, 3))


@pytest.mark.parametrize(("told", "kind"), [(None, Kind.DROPPED), ("icmp-port-unreachable", Kind.REJECTED)])
def test_counted_out(told: str | None, kind: Kind) -> None:
    verdict = counted_out(observed(told), "gateway")
    assert (verdict.kind, verdict.node, verdict.reject, verdict.packet) == (kind, "gateway", told, "SYN")
    assert not verdict.passed_node
    assert counted_out(observed(told, sent=False), "gateway").packet == "datagram"


def test_delivered() -> None:
    verdict = delivered(observed("tcp-reset"), "server")
    assert (verdict.kind, verdict.passed_node, "server" in verdict.proof) == (Kind.CLOSED, True, True)


def test_verdicts_agree_by_what_they_say() -> None:
    one = Verdict(Kind.DROPPED, "a", observed(), node="gateway", rule=rule(number=3))
    assert agree([])
    assert agree([one, replace(one, proof="b")])
    other = replace(one, rule=rule(number=4))
    for two in (replace(one, kind=Kind.REJECTED), replace(one, node="second"), other, replace(one, reject="tcp-reset")):
        assert not agree([one, two])
    assert not agree([one, replace(one, muted=True)])
