"""What was seen of a probe, held against itself: where two witnesses contradict each other nothing is proven."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.record.observation import Arrival, Milestone, Observation, Refusal
from lab.record.packet import Packet
from lab.record.path import End, Path, Step
from lab.record.result import Outcome
from lab.record.verdict import Kind
from lab.verdict.judge import judge
from lab.verdict.prove import prove
from lab.verdict.witnesses import contradiction
from tests.unit.verdict.made import ACK, DATAGRAM, ECHO, SYN, cell, dropped, observed, passed, rule, stopped

SHUT, REFUSED = rule("shut", "DROP"), rule("no", "REJECT")
AT_SERVER = Arrival("server", "10.0.2.10", 443, "10.0.1.10", 40000)
RESET, CLOSED = Refusal("tcp-reset", None), Refusal("icmp-port-unreachable", "10.0.2.10")
ENDS = [dropped(SHUT), dropped(rule(target="DROP", number=None)), dropped(REFUSED), stopped(End.VANISHED), stopped(End.QUEUED)]
BY = ["rp_filter", "route", "neighbour", "conntrack", "queue"]


def blind(seen: Observation, *, passed_node: bool = True, at: str = "gateway") -> None:
    """A deny fails open, by whatever it is excused; an allow is an error."""
    verdict = prove(seen, at)
    assert (verdict.kind, verdict.passed_node) == (Kind.LOST, passed_node), verdict.proof
    assert "blind" in verdict.proof
    worst = Outcome.FAIL_OPEN if passed_node else Outcome.ERROR
    for expect in ("drop", "deny", "reject"):
        assert judge(cell(expect), verdict).outcome is worst
    for by in BY:
        assert judge(cell("deny", by=by), verdict).outcome is worst
    assert judge(cell("allow"), verdict).outcome is Outcome.ERROR


@pytest.mark.parametrize("path", ENDS)
@pytest.mark.parametrize(
    "seen",
    [
        {"stage": Milestone.ANSWERED}, {"stage": Milestone.CONNECTED}, {"stage": Milestone.DELIVERED, "arrived": AT_SERVER},
        {"stage": Milestone.ANSWERED, "arrived": AT_SERVER}, {"reached": "server"},
    ],
)  # fmt: skip
def test_it_ended_on_its_way_and_yet_it_came(path: Path, seen: dict[str, object]) -> None:
    blind(observed(path, **seen))  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [path for path in ENDS if path.dropped_by is not REFUSED])
@pytest.mark.parametrize("told", [RESET, CLOSED])
def test_only_a_destination_says_so_where_no_rule_does(path: Path, told: Refusal) -> None:
    blind(observed(path, refusal=told))


@pytest.mark.parametrize(("sent", "told"), [(SYN, RESET), (SYN, CLOSED), (ACK, RESET)])
def test_what_a_rule_says_is_no_contradiction(sent: Packet, told: Refusal) -> None:
    stage = Milestone.CONNECTED if sent is ACK else Milestone.SENT
    verdict = prove(observed(dropped(REFUSED, entry=sent), sent=sent, stage=stage, refusal=told), "gateway")
    assert (verdict.kind, verdict.reject, verdict.passed_node) == (Kind.REJECTED, told.kind, False)


@pytest.mark.parametrize("told", [Refusal("icmp-host-unreachable", "10.0.1.1"), Refusal("icmp 11/0", "10.0.1.1")])
def test_what_a_router_says_is_no_contradiction(told: Refusal) -> None:
    assert prove(observed(stopped(End.VANISHED), refusal=told), "gateway").kind is Kind.UNROUTED


def test_what_a_rule_took_over_may_be_answered() -> None:
    for stage in (Milestone.CONNECTED, Milestone.ANSWERED):
        assert contradiction(observed(stopped(End.STOLEN), stage=stage)) is None
    assert prove(observed(stopped(End.STOLEN), stage=Milestone.ANSWERED), "gateway").allowed


@pytest.mark.parametrize("entry", [SYN, DATAGRAM, ECHO])
def test_a_copy_may_come_where_the_packet_does_not(entry: Packet) -> None:
    seen = observed(dropped(SHUT, entry=entry), sent=entry, others=(passed(entry=entry),), arrived=AT_SERVER)
    verdict = prove(seen, "gateway")
    assert (verdict.kind, verdict.passed_node) == (Kind.DROPPED, True)


def test_a_later_packet_is_no_copy() -> None:
    blind(observed(stopped(End.VANISHED), stage=Milestone.ANSWERED, others=(passed(entry=ACK),)))


def test_a_copy_that_was_dropped_too_explains_nothing() -> None:
    blind(observed(dropped(SHUT), stage=Milestone.ANSWERED, others=(dropped(SHUT),)))


@pytest.mark.parametrize("end", [End.VANISHED, End.QUEUED])
def test_it_ended_on_its_way_and_yet_it_came_into_the_next_node(end: End) -> None:
    verdict = prove(observed(stopped(end), others=(dropped(rule("late", "DROP", node="second"), node="second"),)), "gateway")
    assert (verdict.kind, "came into second" in verdict.proof) == (Kind.LOST, True)


def test_where_it_arrives_is_where_it_was_sent() -> None:
    elsewhere = AT_SERVER._replace(address="10.0.2.99")
    blind(observed(passed(), stage=Milestone.ANSWERED, arrived=elsewhere))
    blind(observed(passed(end=End.DELIVERED), stage=Milestone.ANSWERED, arrived=AT_SERVER))


def test_where_it_arrives_behind_a_translation() -> None:
    leaving = SYN._replace(destination="10.0.2.20", dport=8443)
    there = AT_SERVER._replace(address="10.0.2.20", port=8443)
    assert prove(observed(passed(leaving=leaving), stage=Milestone.ANSWERED, arrived=there), "gateway").allowed
    blind(observed(passed(leaving=leaving), stage=Milestone.ANSWERED, arrived=AT_SERVER))


def test_what_is_rewritten_at_the_device_arrives_anywhere() -> None:
    rewritten = replace(passed(), steps=(Step("egress", "f", "out", rule(), "continue"),))
    there = AT_SERVER._replace(address="10.0.2.20")
    assert prove(observed(rewritten, stage=Milestone.ANSWERED, arrived=there), "gateway").allowed


@pytest.mark.parametrize(("at", "passed_node"), [("gateway", True), ("second", False)])
def test_a_node_that_must_have_seen_it_says_nothing(at: str, passed_node: bool) -> None:
    later = dropped(rule("late", "DROP", node="second"), node="second")
    blind(observed(later, unseen=("gateway",)), passed_node=passed_node, at=at)
    blind(observed(stage=Milestone.ANSWERED, unseen=("gateway",)), at=at)


def test_a_failed_instrument_is_told_first() -> None:
    seen = observed(dropped(SHUT), stage=Milestone.ANSWERED, faults=("the trace buffer overflowed",))
    assert "overflowed" in prove(seen, "gateway").proof


def test_what_all_of_a_network_hears_comes_to_others_too() -> None:
    elsewhere = passed(rule(), node="second", end=End.DELIVERED)
    seen = observed(dropped(SHUT), others=(elsewhere,), to_many=True)
    assert contradiction(seen) is None
    assert contradiction(replace(seen, to_many=False)) is not None
    assert contradiction(replace(seen, arrived=AT_SERVER._replace(at="second"))) is None
    assert contradiction(replace(seen, arrived=AT_SERVER._replace(at="gateway"))) is not None
