"""The request came through, and its answer did not: which packet, where, by which rule."""

from __future__ import annotations

import pytest

from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, NEAR, SERVER, corridor, table, two_gateways

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

NO_ANSWERS = f"-A FORWARD -s {SERVER} -m comment --comment no-answers -j DROP"
SERVICES = pytest.mark.parametrize(
    ("service", "packet"), [("tcp/443", "SYN-ACK"), ("udp/443", "answer"), ("icmp/echo-request", "answer")]
)


@SERVICES
def test_the_gateway_drops_the_answer(lab_of: LabOf, service: str, packet: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter", NO_ANSWERS))
    verdict = lab.probe("client", "server", service)
    assert (verdict.kind, verdict.packet, verdict.node) == (Kind.UNANSWERED, packet, "gateway"), verdict.proof
    assert verdict.rule is not None
    assert (verdict.rule.comment, verdict.rule.place) == ("no-answers", "filter:FORWARD:1")
    assert verdict.passed_node


@SERVICES
def test_the_answer_dies_behind_the_node_under_test(lab_of: LabOf, service: str, packet: str) -> None:
    lab = lab_of(two_gateways(), gateway=table("filter"), second=table("filter", NO_ANSWERS))
    verdict = lab.probe("client", "server", service, at="gateway")
    assert (verdict.kind, verdict.packet, verdict.node) == (Kind.UNANSWERED, packet, "second"), verdict.proof
    assert verdict.passed_node


def test_the_gateway_s_own_answer_is_dropped_by_its_output(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter", "-A OUTPUT -j DROP"))
    for service, packet in (("tcp/22", "SYN-ACK"), ("udp/53", "answer"), ("icmp/echo-request", "answer")):
        verdict = lab.probe("client", "gateway", service)
        assert (verdict.kind, verdict.packet) == (Kind.UNANSWERED, packet), verdict.proof
        assert verdict.rule is not None
        assert verdict.rule.place == "filter:OUTPUT:1"


def test_the_answer_of_a_translated_flow_is_dropped(lab_of: LabOf) -> None:
    nat = table("nat", f"-A PREROUTING -p tcp --dport 443 -j DNAT --to {SERVER}:8443")
    stage = corridor(server={"services": ["tcp/8443"]})
    lab = lab_of(stage, gateway=nat + table("filter", NO_ANSWERS))
    verdict = lab.probe("client", NEAR, "tcp/443")
    assert (verdict.kind, verdict.packet) == (Kind.UNANSWERED, "SYN-ACK"), verdict.proof
    assert verdict.rule is not None
    assert verdict.rule.comment == "no-answers"


def test_the_nonce_came_and_its_answer_is_dropped(lab_of: LabOf) -> None:
    # 20 bytes of IP, 32 of TCP with timestamps, 16 of nonce: longer than any packet of a handshake
    rule = f"-A FORWARD -s {SERVER} -p tcp -m length --length 68 -m comment --comment no-data -j DROP"
    verdict = lab_of(corridor(), gateway=table("filter", rule)).probe("client", "server", "tcp/443")
    assert (verdict.kind, verdict.packet) == (Kind.UNANSWERED, "answer"), verdict.proof
    assert verdict.rule is not None
    assert verdict.rule.comment == "no-data"
    assert verdict.arrived is not None


@pytest.mark.parametrize(("match", "packet"), [("--length 52", "ACK"), ("--length 68", "data")])
def test_the_handshake_began_and_a_later_packet_of_the_request_is_dropped(
    lab_of: LabOf, match: str, packet: str
) -> None:
    rule = f"-A FORWARD -s {CLIENT} -p tcp -m length {match} -m comment --comment later -j DROP"
    verdict = lab_of(corridor(), gateway=table("filter", rule)).probe("client", "server", "tcp/443")
    assert (verdict.kind, verdict.packet, verdict.node) == (Kind.DROPPED, packet, "gateway"), verdict.proof
    assert verdict.rule is not None
    assert verdict.rule.comment == "later"
    assert verdict.passed_node, "the SYN had left the gateway"
