"""The request's first packet came through: what became of the rest of the exchange."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.record.observation import Milestone, Refusal, Unresolved
from lab.record.packet import Packet
from lab.record.path import End, Path
from lab.record.verdict import Kind
from lab.verdict.prove import prove
from tests.unit.verdict.made import (
    ACK,
    DATA,
    DATAGRAM,
    DATAGRAM_BACK,
    ECHO,
    ECHO_BACK,
    SYN,
    SYN_ACK,
    dropped,
    observed,
    passed,
    rule,
    stopped,
)

SHUT = rule("shut", "DROP", number=9)
BOTH_WAYS = pytest.mark.parametrize(
    ("sent", "back", "name"),
    [(SYN, SYN_ACK, "SYN-ACK"), (DATAGRAM, DATAGRAM_BACK, "answer"), (ECHO, ECHO_BACK, "answer")],
)


@pytest.mark.parametrize("sent", [SYN, DATAGRAM, ECHO])
def test_allowed(sent: Packet) -> None:
    let_in = rule("open")
    verdict = prove(observed(passed(let_in, entry=sent), sent=sent, stage=Milestone.ANSWERED), "gateway")
    assert (verdict.kind, verdict.rule, verdict.passed_node) == (Kind.ALLOWED, let_in, True)
    assert (verdict.packet, verdict.node) == (None, None)


def test_allowed_where_no_node_is_watched() -> None:
    verdict = prove(observed(stage=Milestone.ANSWERED))
    assert (verdict.kind, verdict.rule, verdict.passed_node) == (Kind.ALLOWED, None, True)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (SYN, Refusal("tcp-reset", None)), (DATAGRAM, Refusal("icmp-port-unreachable", "10.0.2.10")),
        (DATAGRAM, Refusal("icmp-proto-unreachable", "10.0.2.10")),
        # a node that stands for many addresses answers from the one that its kernel chooses
        (DATAGRAM, Refusal("icmp-port-unreachable", "10.0.9.9")),
    ],
)  # fmt: skip
def test_closed(sent: Packet, told: Refusal) -> None:
    verdict = prove(observed(passed(rule(), entry=sent), sent=sent, refusal=told), "gateway")
    assert (verdict.kind, verdict.passed_node) == (Kind.CLOSED, True)


def test_closed_behind_a_translation() -> None:
    told = Refusal("icmp-port-unreachable", "10.0.2.10")
    asked = DATAGRAM._replace(destination="10.0.1.1")
    way = passed(rule(), entry=asked, leaving=DATAGRAM)
    assert prove(observed(way, sent=asked, refusal=told), "gateway").kind is Kind.CLOSED


@pytest.mark.parametrize(
    "told",
    [Refusal("icmp-host-unreachable", "10.0.2.10"), Refusal("icmp 11/0", "10.0.9.2")],
)
def test_a_router_further_on_refused(told: Refusal) -> None:
    verdict = prove(observed(passed(rule(), entry=DATAGRAM), sent=DATAGRAM, refusal=told), "gateway")
    assert (verdict.kind, verdict.passed_node) == (Kind.UNROUTED, True)
    assert told.kind in verdict.proof


@BOTH_WAYS
def test_the_answer_is_dropped(sent: Packet, back: Packet, name: str) -> None:
    seen = observed(passed(rule("open"), entry=sent), sent=sent, answer=(dropped(SHUT, entry=back),))
    verdict = prove(seen, "gateway")
    assert (verdict.kind, verdict.packet, verdict.node, verdict.rule) == (Kind.UNANSWERED, name, "gateway", SHUT)
    assert verdict.passed_node


@BOTH_WAYS
def test_the_answer_vanishes(sent: Packet, back: Packet, name: str) -> None:
    answer = passed(rule(), entry=back, node="second"), stopped(End.VANISHED, entry=back)
    verdict = prove(observed(passed(rule("open"), entry=sent), sent=sent, answer=answer), "gateway")
    assert (verdict.kind, verdict.packet, verdict.node) == (Kind.UNANSWERED, name, "gateway")


@pytest.mark.parametrize(("later", "name"), [(ACK, "ACK"), (DATA, "data")])
def test_a_later_packet_of_the_handshake_is_dropped(later: Packet, name: str) -> None:
    seen = observed(passed(rule("open")), stage=Milestone.CONNECTED, others=(dropped(SHUT, entry=later),))
    verdict = prove(seen, "gateway")
    assert (verdict.kind, verdict.packet, verdict.rule) == (Kind.DROPPED, name, SHUT)
    assert verdict.passed_node, "the SYN had come through"


def test_the_nonce_arrived_and_its_answer_is_dropped() -> None:
    back = DATA._replace(source=SYN_ACK.source, sport=443, destination="10.0.1.10", dport=40000)
    others = (dropped(SHUT, entry=back),)
    seen = observed(passed(rule()), stage=Milestone.DELIVERED, answer=(passed(entry=SYN_ACK),), others=others)
    verdict = prove(seen, "gateway")
    assert (verdict.kind, verdict.packet, verdict.rule) == (Kind.UNANSWERED, "answer", SHUT)


def test_the_nonce_arrived_and_nobody_knows_what_became_of_its_answer() -> None:
    verdict = prove(observed(passed(rule()), stage=Milestone.DELIVERED), "gateway")
    assert (verdict.kind, verdict.packet, verdict.passed_node) == (Kind.UNANSWERED, "answer", True)


def test_a_drop_of_another_s_packet_is_not_taken_for_the_probe_s() -> None:
    stranger = dropped(SHUT, entry=DATAGRAM._replace(source="10.9.9.9"))
    other_port = dropped(SHUT, entry=DATAGRAM_BACK._replace(source="10.0.2.99"))
    for seen in (stranger, other_port):
        verdict = prove(observed(passed(entry=DATAGRAM), sent=DATAGRAM, others=(seen,)), "gateway")
        assert verdict.kind is Kind.LOST
        verdict = prove(observed(passed(entry=DATAGRAM), sent=DATAGRAM, stage=Milestone.DELIVERED, others=(seen,)), "gateway")
        assert verdict.rule is not SHUT


def test_a_reset_after_the_handshake_is_closed() -> None:
    seen = observed(passed(rule()), stage=Milestone.CONNECTED, refusal=Refusal("tcp-reset", None))
    assert prove(seen, "gateway").kind is Kind.CLOSED


def test_a_handshake_that_no_service_of_the_lab_has() -> None:
    verdict = prove(observed(passed(rule()), stage=Milestone.CONNECTED), "gateway")
    assert (verdict.kind, verdict.packet) == (Kind.LOST, "ACK")


@pytest.mark.parametrize(("gone", "kind"), [(ACK, Kind.UNANSWERED), (SYN._replace(flags=0x04), Kind.LOST)])
def test_the_handshakes_last_packet_ends_outside_of_every_rule(gone: Packet, kind: Kind) -> None:
    """As a masquerade ends it whose flow leaves by another interface; the sender's reset is its goodbye, and proves nothing."""
    path = passed(rule(), entry=gone, end=End.VANISHED, entered="left")
    verdict = prove(observed(passed(rule()), stage=Milestone.CONNECTED, others=(replace(path, exit=None),)), "gateway")
    assert (verdict.kind, verdict.packet, verdict.passed_node) == (kind, "ACK", True)
    assert ("the ACK ended at gateway, where no rule dropped it" in verdict.proof) is (kind is Kind.UNANSWERED)


def test_nobody_has_the_address() -> None:
    verdict = prove(observed(passed(rule()), unresolved=(Unresolved("gateway", "10.0.2.99"),)), "gateway")
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.UNROUTED, "gateway", True)
    assert "10.0.2.99" in verdict.proof


def test_who_has_the_address_and_did_not_answer_proves_nothing() -> None:
    verdict = prove(observed(passed(rule()), unresolved=(Unresolved("gateway", "10.0.2.10", "server"),)), "gateway")
    assert (verdict.kind, verdict.node) == (Kind.LOST, "gateway")
    assert "gateway asked its network for 10.0.2.10, and server, which has it, did not answer" in verdict.proof


def test_a_rule_that_dropped_the_question_is_the_proof_whoever_has_the_address() -> None:
    asked = Packet(6, 58, "fe80::1", 0, "ff02::1:ff00:10", 0, 135)
    deaf = dropped(rule("deaf", "DROP", node="server", chain="INPUT"), node="server", entry=asked)
    seen = observed(passed(rule()), others=(deaf,), unresolved=(Unresolved("gateway", "2001:db8:2::10", "server"),))
    verdict = prove(seen, "gateway")
    assert (verdict.kind, verdict.node) == (Kind.UNROUTED, "gateway")
    assert "(deaf) dropped a message of IPv6 neighbour discovery" in verdict.proof


def test_who_was_traced_and_solicited_nobody_could_not_ask() -> None:
    sent = Packet(6, 17, "2001:db8:1::10", 40000, "2001:db8:2::10", 53)
    nobody = (Unresolved("gateway", "2001:db8:2::10", "server"),)
    for traced, kind in ((True, Kind.UNROUTED), (False, Kind.LOST)):
        verdict = prove(observed(passed(rule()), sent=sent, unresolved=nobody, fully_traced=traced), "gateway")
        assert verdict.kind is kind, verdict.proof


def test_the_sender_could_not_send() -> None:
    verdict = prove(observed(local_error="Network is unreachable"), "gateway")
    assert (verdict.kind, verdict.passed_node) == (Kind.UNROUTED, False)
    assert "Network is unreachable" in verdict.proof


def test_dropped_outside_the_rules_beyond_the_watched_nodes() -> None:
    verdict = prove(observed(passed(rule()), reasons=("NO_SOCKET",)), "gateway")
    assert (verdict.kind, verdict.passed_node) == (Kind.UNROUTED, True)


@pytest.mark.parametrize("request_path", [(), (passed(rule()),)])
def test_silence_is_never_a_deny(request_path: tuple[Path, ...]) -> None:
    verdict = prove(observed(*request_path), "gateway")
    assert (verdict.kind, verdict.passed_node) == (Kind.LOST, bool(request_path))


def test_what_nothing_answers_is_allowed_by_its_arrival() -> None:
    verdict = prove(observed(passed(rule("in")), stage=Milestone.ANSWERED, one_way=True), "gateway")
    assert (verdict.kind, verdict.proof) == (Kind.ALLOWED, "the receiver got the nonce, and nothing answers such a packet")
    taken = prove(observed(passed(rule("in"), end=End.DELIVERED), one_way=True), "gateway")
    assert (taken.kind, taken.passed_node) == (Kind.UNANSWERED, True)
    assert "nothing answers such a packet" in taken.proof


def test_what_a_node_sends_to_itself_has_not_passed_until_it_came_in() -> None:
    out = passed(rule("out", chain="OUTPUT"), out="lo")
    shut = rule("shut", "DROP", chain="INPUT")
    verdict = prove(observed(out, dropped(shut)), "gateway")
    assert (verdict.kind, verdict.rule, verdict.passed_node) == (Kind.DROPPED, shut, False)
    let_in = passed(rule("in", chain="INPUT"), end=End.DELIVERED)
    verdict = prove(observed(out, let_in, stage=Milestone.ANSWERED), "gateway")
    assert verdict.rule is not None
    assert (verdict.rule.comment, verdict.passed_node) == ("in", True)
