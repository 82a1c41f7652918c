"""A REJECT ends the way of the packet and tells the sender: the kind, and who said it."""

from __future__ import annotations

import pytest

from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, NEAR, SERVER, corridor, table, two_gateways

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

KINDS = [
    "icmp-net-unreachable", "icmp-host-unreachable", "icmp-port-unreachable", "icmp-proto-unreachable",
    "icmp-net-prohibited", "icmp-host-prohibited", "icmp-admin-prohibited",
]  # fmt: skip
SERVICES = ["tcp/443", "udp/443", "icmp/echo-request"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("service", SERVICES)
def test_kind_and_sender_of_the_answer(lab_of: LabOf, service: str, kind: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter", f"-A FORWARD -i left -j REJECT --reject-with {kind}"))
    verdict = lab.probe("client", "server", service)
    assert (verdict.kind, verdict.reject, verdict.muted, verdict.passed_node) == (Kind.REJECTED, kind, False, False)
    assert verdict.observation.refusal is not None
    assert verdict.observation.refusal == (kind, NEAR)
    assert verdict.rule is not None
    assert verdict.rule.place == "filter:FORWARD:1"


def test_tcp_reset(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter", "-A FORWARD -p tcp -j REJECT --reject-with tcp-reset"))
    verdict = lab.probe("client", "server", "tcp/443")
    assert (verdict.kind, verdict.reject, verdict.muted) == (Kind.REJECTED, "tcp-reset", False), verdict.proof
    assert verdict.observation.refusal == ("tcp-reset", None)


def test_a_reject_that_names_no_kind_is_port_unreachable(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter", "-A FORWARD -j REJECT"))
    assert lab.probe("client", "server", "udp/443").reject == "icmp-port-unreachable"


@pytest.mark.parametrize("service", SERVICES)
def test_by_the_receiver_itself(lab_of: LabOf, service: str) -> None:
    rule = "-A INPUT -j REJECT --reject-with icmp-admin-prohibited"
    verdict = lab_of(corridor(), server=table("filter", rule)).probe("client", "server", service, at="server")
    assert (verdict.kind, verdict.reject, verdict.node) == (Kind.REJECTED, "icmp-admin-prohibited", "server")
    assert verdict.observation.refusal == ("icmp-admin-prohibited", SERVER)
    assert not verdict.passed_node


@pytest.mark.parametrize("service", SERVICES)
def test_by_the_sender_itself(lab_of: LabOf, service: str) -> None:
    rule = "-A OUTPUT -d 10.0.2.0/24 -j REJECT --reject-with icmp-admin-prohibited"
    verdict = lab_of(corridor(), client=table("filter", rule)).probe("client", "server", service, at="client")
    assert (verdict.kind, verdict.reject, verdict.node) == (Kind.REJECTED, "icmp-admin-prohibited", "client")
    assert verdict.observation.refusal == ("icmp-admin-prohibited", CLIENT)


@pytest.mark.parametrize(
    ("service", "kind", "mute"),
    [
        ("tcp/443", "icmp-admin-prohibited", "-p icmp"),
        ("udp/443", "icmp-port-unreachable", "-p icmp"),
        ("icmp/echo-request", "icmp-host-prohibited", "-p icmp"),
        ("tcp/443", "tcp-reset", "-p tcp --tcp-flags RST RST"),
    ],
)
def test_muted_by_its_own_output(lab_of: LabOf, service: str, kind: str, mute: str) -> None:
    proto = "-p tcp" if kind == "tcp-reset" else ""
    rules = f"-A FORWARD {proto} -j REJECT --reject-with {kind}", f"-A OUTPUT {mute} -j DROP"
    verdict = lab_of(corridor(), gateway=table("filter", *rules)).probe("client", "server", service)
    assert (verdict.kind, verdict.reject, verdict.muted) == (Kind.REJECTED, kind, True), verdict.proof
    assert verdict.rule is not None
    assert verdict.rule.place == "filter:FORWARD:1"
    assert verdict.stopped_by == verdict.rule
    assert (verdict.muted_by is not None) == (kind != "tcp-reset" or verdict.observation.fully_traced)
    if verdict.muted_by is not None:  # a bare reset is traced in a closer look alone
        assert verdict.muted_by.place == "filter:OUTPUT:1"
        assert "but its answer was dropped by gateway filter:OUTPUT:1" in verdict.proof


def test_every_one_of_three_hundred_is_told(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter", "-A FORWARD -j REJECT"))
    with lab.batch():
        verdicts = [lab.probe("client", "server", "udp/443") for _ in range(300)]
    assert {(verdict.reject, verdict.muted) for verdict in verdicts} == {("icmp-port-unreachable", False)}


@pytest.mark.parametrize("service", SERVICES)
def test_further_on_than_the_node_under_test(lab_of: LabOf, service: str) -> None:
    lab = lab_of(two_gateways(), gateway=table("filter"), second=table("filter", "-A FORWARD -j REJECT"))
    verdict = lab.probe("client", "server", service, at="gateway")
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.REJECTED, "second", True)
    assert verdict.observation.refusal == ("icmp-port-unreachable", "10.0.9.2")
