"""What came through: who saw it, as what, and by which rule it was let through."""

from __future__ import annotations

import socket

import pytest

from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, ESTABLISHED, FAR, NEAR, SERVER, corridor, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

SERVES = {"services": ["tcp/8443", "udp/8443"]}


@pytest.mark.parametrize(("service", "port"), [("tcp/443", 443), ("udp/443", 443), ("icmp/echo-request", None)])
def test_nonce_and_answer_come_through(lab_of: LabOf, service: str, port: int | None) -> None:
    let_in = "-A FORWARD -s 10.0.1.0/24 -m comment --comment out -j ACCEPT"
    lab = lab_of(corridor(), gateway=table("filter", ESTABLISHED, let_in, FORWARD="DROP"))
    verdict = lab.probe("client", "server", service)
    assert verdict.allowed, verdict.proof
    assert verdict.arrived is not None
    assert verdict.arrived[:4] == ("server", SERVER, port, CLIENT)
    assert verdict.rule is not None
    assert (verdict.rule.comment, verdict.rule.number) == ("out", 2)
    assert (verdict.packet, verdict.node, verdict.passed_node) == (None, None, True)


@pytest.mark.parametrize(("service", "state"), [("tcp/443", "ESTABLISHED"), ("udp/443", "ESTABLISHED"),
                                                ("icmp/echo-request", "ESTABLISHED")])  # fmt: skip
def test_conntrack_saw_the_answer(lab_of: LabOf, service: str, state: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter", ESTABLISHED))
    (entry,) = lab.probe("client", "server", service).observation.conntrack
    assert (entry.node, entry.state) == ("gateway", state)
    assert "SEEN_REPLY" in entry.status
    assert (entry.original.source, entry.original.destination) == (CLIENT, SERVER)
    assert (entry.reply.source, entry.reply.destination) == (SERVER, CLIENT)


def test_a_whole_handshake_is_assured_and_a_datagram_is_not(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter", ESTABLISHED))
    (stream,) = lab.probe("client", "server", "tcp/443").observation.conntrack
    (datagram,) = lab.probe("client", "server", "udp/443").observation.conntrack
    assert "ASSURED" in stream.status
    assert "ASSURED" not in datagram.status


def test_without_a_rule_that_asks_for_it_there_is_no_conntrack(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter"))
    assert lab.probe("client", "server", "tcp/443").observation.conntrack == ()


def test_a_policy_may_be_what_lets_in(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter", "-A FORWARD -p udp -j DROP"))
    rule = lab.probe("client", "server", "tcp/443").rule
    assert rule is not None
    assert (rule.place, rule.number) == ("filter:FORWARD policy", None)


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_dnat(lab_of: LabOf, proto: str) -> None:
    forward = f"-A PREROUTING -d {NEAR} -p {proto} --dport 443 -m comment --comment publish -j DNAT --to {SERVER}:8443"
    lab = lab_of(corridor(server=SERVES), gateway=table("nat", forward))
    verdict = lab.probe("client", NEAR, f"{proto}/443")
    assert verdict.allowed, verdict.proof
    assert verdict.arrived is not None
    assert verdict.arrived[:4] == ("server", SERVER, 8443, CLIENT)
    (path,) = verdict.path
    assert [rule.comment for rule in path.translated_by] == ["publish"]
    assert (path.entry.destination, path.entry.dport) == (NEAR, 443)
    assert path.exit is not None
    assert (path.exit.destination, path.exit.dport) == (SERVER, 8443)
    (entry,) = verdict.observation.conntrack
    assert "DST_NAT" in entry.status


@pytest.mark.parametrize("target", ["SNAT --to-source 10.0.2.1", "MASQUERADE"])
@pytest.mark.parametrize("service", ["tcp/443", "udp/443", "icmp/echo-request"])
def test_source_nat(lab_of: LabOf, target: str, service: str) -> None:
    lab = lab_of(corridor(), gateway=table("nat", f"-A POSTROUTING -o right -j {target}"))
    verdict = lab.probe("client", "server", service)
    assert verdict.allowed, verdict.proof
    assert verdict.arrived is not None
    assert verdict.arrived.source == FAR
    assert [rule.target for rule in verdict.path[0].translated_by] == [target.split()[0]]
    (entry,) = verdict.observation.conntrack
    assert "SRC_NAT" in entry.status


def test_redirect_ends_at_the_gateway_itself(lab_of: LabOf) -> None:
    gateway = {"services": ["tcp/3128"]}
    rule = "-A PREROUTING -i left -p tcp --dport 80 -j REDIRECT --to-ports 3128"
    lab = lab_of(corridor(gateway=gateway), gateway=table("nat", rule))
    verdict = lab.probe("client", "server", "tcp/80")
    assert verdict.allowed, verdict.proof
    assert verdict.arrived is not None
    assert verdict.arrived[:3] == ("gateway", NEAR, 3128)


def test_to_the_gateway_itself(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter", "-A INPUT -p tcp --dport 22 -j ACCEPT", INPUT="DROP"))
    verdict = lab.probe("client", "gateway", "tcp/22")
    assert verdict.rule is not None
    assert (verdict.allowed, verdict.rule.place) == (True, "filter:INPUT:1")


def test_from_the_gateway_itself(lab_of: LabOf) -> None:
    rules = "-A OUTPUT -p tcp --dport 123 -j ACCEPT", "-A OUTPUT -p udp --dport 123 -j ACCEPT"
    lab = lab_of(corridor(), gateway=table("filter", *rules, OUTPUT="DROP"))
    for service, place in (("tcp/123", "filter:OUTPUT:1"), ("udp/123", "filter:OUTPUT:2")):
        verdict = lab.probe("gateway", "server", service)
        assert verdict.rule is not None
        assert (verdict.allowed, verdict.rule.place) == (True, place)


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_one_of_many_services(lab_of: LabOf, proto: str) -> None:
    """What comes to others meanwhile is nobody's."""
    lab = lab_of(corridor(server={"services": [f"{proto}/8000-8019"]}), gateway=table("filter"))
    with lab.network.nodes["client"].socket(socket.AF_INET, socket.SOCK_DGRAM) as stray:
        for port in (8000, 8007, 8019):
            if proto == "udp":
                stray.sendto(b"stray", (SERVER, 8000))
            verdict = lab.probe("client", "server", f"{proto}/{port}")
            assert verdict.allowed, verdict.proof
            assert verdict.arrived is not None
            assert verdict.arrived[:3] == ("server", SERVER, port)
