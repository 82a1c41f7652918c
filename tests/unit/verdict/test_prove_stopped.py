"""The request's first packet ended inside a node: by a rule, by a REJECT, by the kernel."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.record.observation import Loss, Milestone, Refusal
from lab.record.packet import Packet
from lab.record.path import End, Path
from lab.record.sweep import is_open
from lab.record.verdict import Kind
from lab.verdict.prove import prove
from tests.unit.verdict.made import ACK, DATAGRAM, ECHO, SYN, dropped, observed, passed, rule, stopped

NAMES = pytest.mark.parametrize(
    ("sent", "name"),
    [(SYN, "SYN"), (ACK, "segment"), (DATAGRAM, "datagram"), (ECHO, "echo-request"),
     (ECHO._replace(flags=13), "icmp message of type 13")],
)  # fmt: skip


@NAMES
def test_dropped_by_a_rule(sent: Packet, name: str) -> None:
    shut = rule("shut", "DROP", number=4)
    verdict = prove(observed(dropped(shut, entry=sent), sent=sent), "gateway")
    assert (verdict.kind, verdict.packet, verdict.node, verdict.rule) == (Kind.DROPPED, name, "gateway", shut)
    assert (verdict.passed_node, verdict.reject, verdict.muted) == (False, None, False)
    assert "gateway filter:FORWARD:4 (shut)" in verdict.proof


def test_dropped_by_a_policy() -> None:
    policy = rule(target="DROP", number=None)
    verdict = prove(observed(dropped(policy)), "gateway")
    assert (verdict.kind, verdict.rule) == (Kind.DROPPED, policy)
    assert "filter:FORWARD policy" in verdict.proof


REJECT = rule("no", "REJECT")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("-A FORWARD -j REJECT --reject-with icmp-admin-prohibited", "icmp-admin-prohibited"),
        ("-A FORWARD -j REJECT --reject-with tcp-reset", "tcp-reset"),
        ("-A FORWARD -j REJECT", "icmp-port-unreachable"),
    ],
)
def test_rejected_and_muted(text: str, kind: str) -> None:
    by = replace(REJECT, text=text, rejects=kind)
    verdict = prove(observed(dropped(by)), "gateway")
    assert (verdict.kind, verdict.reject, verdict.muted, verdict.rule) == (Kind.REJECTED, kind, True, by)
    assert "no answer came" in verdict.proof


def test_rejected_aloud_is_what_the_sender_was_told() -> None:
    told = Refusal("icmp-host-prohibited", "10.0.1.1")
    verdict = prove(observed(dropped(REJECT), refusal=told), "gateway")
    assert (verdict.kind, verdict.reject, verdict.muted) == (Kind.REJECTED, "icmp-host-prohibited", False)
    assert not verdict.passed_node


@NAMES
def test_into_a_queue(sent: Packet, name: str) -> None:
    verdict = prove(observed(stopped(End.QUEUED, entry=sent), sent=sent), "gateway")
    assert (verdict.kind, verdict.packet, verdict.node, verdict.passed_node) == (Kind.CONSUMED, name, "gateway", False)


def test_vanished_is_unrouted_and_says_why_if_the_kernel_does() -> None:
    for reasons, words in (((), "not told by this kernel"), (("IP_RPFILTER",), "IP_RPFILTER")):
        verdict = prove(observed(stopped(End.VANISHED), reasons=reasons), "gateway")
        assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.UNROUTED, "gateway", False)
        assert words in verdict.proof


@pytest.mark.parametrize(
    ("kind", "words"),
    [("icmp 11/0", "its time to live ran out; the sender was told icmp 11/0 by 10.0.1.1"),
     ("icmp 3/4", "too long for the link that it was to leave by, and may not be cut up; the sender was told"),
     ("icmpv6 2/0", "too long for the link that it was to leave by; the sender was told"),
     ("icmp-admin-prohibited", "by the error a `prohibit` route; the sender was told"),
     ("icmp 12/0", "not told by this kernel; the sender was told icmp 12/0")],
)  # fmt: skip
def test_vanished_and_told_by_an_error(kind: str, words: str) -> None:
    verdict = prove(observed(stopped(End.VANISHED), refusal=Refusal(kind, "10.0.1.1")), "gateway")
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.UNROUTED, "gateway", False)
    assert words in verdict.proof


def test_the_kernel_s_reason_is_in_words_with_its_own_behind() -> None:
    verdict = prove(observed(stopped(End.VANISHED), reasons=("PKT_TOO_BIG", "SOME_DAY")), "gateway")
    assert "may not be cut up (PKT_TOO_BIG), SOME_DAY" in verdict.proof


def test_vanished_where_conntrack_counted_a_loss_is_consumed() -> None:
    loss = Loss("gateway", "insert_failed", 1)
    verdict = prove(observed(stopped(End.VANISHED), losses=(loss,)), "gateway")
    assert verdict.kind is Kind.CONSUMED
    assert "insert_failed +1" in verdict.proof
    elsewhere = prove(observed(stopped(End.VANISHED), losses=(loss._replace(node="second"),)), "gateway")
    assert elsewhere.kind is Kind.UNROUTED


def test_conntrack_may_refuse_a_flow_behind_the_last_rule() -> None:
    seen = observed(passed(rule()), losses=(Loss("gateway", "insert_failed", 2),))
    verdict = prove(seen, "gateway")
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.CONSUMED, "gateway", False)
    assert prove(seen, "another").passed_node is False
    further_on = observed(passed(rule()), passed(node="second"), losses=(Loss("second", "insert_failed", 2),))
    verdict = prove(further_on, "gateway")
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.CONSUMED, "second", True)


@pytest.mark.parametrize("path", [dropped(rule(target="DROP")), stopped(End.VANISHED), stopped(End.QUEUED), dropped(REJECT)])
def test_a_failed_instrument_proves_nothing(path: Path) -> None:
    verdict = prove(observed(path, faults=("the trace buffer overflowed",)), "gateway")
    assert verdict.kind is Kind.LOST
    assert "the trace buffer overflowed" in verdict.proof


def test_even_an_answer_proves_nothing_when_the_instrument_failed() -> None:
    assert prove(observed(passed(rule()), stage=Milestone.ANSWERED, faults=("x",)), "gateway").kind is Kind.LOST


@pytest.mark.parametrize(
    ("leaving", "missing", "words"),
    [
        (SYN, "10.0.2.10", "on its way to 10.0.2.10:443; the topology has no node with this address"),
        (SYN._replace(destination="10.0.2.77", dport=8443), "10.0.2.77", "translated to 10.0.2.77:8443; the topology"),
        (SYN, "10.0.9.9", "on its way to 10.0.2.10:443 by way of 10.0.9.9; the topology has no node with this address"),
    ],
)
def test_let_through_to_what_the_topology_lacks(leaving: Packet, missing: str, words: str) -> None:
    let = rule("let")
    verdict = prove(observed(passed(let, leaving=leaving), missing=missing), "gateway")
    assert (verdict.kind, verdict.node, verdict.rule, verdict.passed_node) == (Kind.UNROUTED, "gateway", let, True)
    assert f"the SYN passed gateway by filter:FORWARD:1 (let), {words}" in verdict.proof
    assert is_open(verdict)


def test_what_the_topology_lacks_does_not_explain_what_a_rule_or_a_receiver_did() -> None:
    shut = prove(observed(dropped(rule("shut", "DROP")), missing="10.0.2.10"), "gateway")
    told = prove(observed(passed(rule()), missing="10.0.2.10", refusal=Refusal("tcp-reset", None)), "gateway")
    assert (shut.kind, told.kind) == (Kind.DROPPED, Kind.CLOSED)
    vanished = prove(observed(stopped(End.VANISHED), missing="10.0.2.10"), "gateway")
    assert (vanished.kind, is_open(vanished)) == (Kind.UNROUTED, False)
    assert "no node with this address" in vanished.proof
