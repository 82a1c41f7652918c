"""The path is open, and nothing listens at its end."""

from __future__ import annotations

import pytest

from lab.probe.question import TCP, UDP, Question, to_port
from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, FAR, NEAR, SERVER, corridor, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

PROTOCOLS = pytest.mark.parametrize(("proto", "word"), [(TCP, "tcp-reset"), (UDP, "icmp-port-unreachable")])


@PROTOCOLS
@pytest.mark.parametrize("address", [SERVER, NEAR])
def test_nothing_listens(lab_of: LabOf, proto: int, word: str, address: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter"))
    verdict = lab.ask(Question("client", CLIENT, address, to_port(proto, 443)), at="gateway")
    assert (verdict.kind, verdict.passed_node) == (Kind.CLOSED, True), verdict.proof
    assert word in verdict.proof
    assert verdict.rule is not None
    assert verdict.rule.number is None


@PROTOCOLS
def test_nothing_listens_behind_dnat(lab_of: LabOf, proto: int, word: str) -> None:
    name = {TCP: "tcp", UDP: "udp"}[proto]
    rule = f"-A PREROUTING -p {name} --dport 443 -j DNAT --to {SERVER}:8443"
    lab = lab_of(corridor(), gateway=table("nat", rule))
    verdict = lab.ask(Question("client", CLIENT, NEAR, to_port(proto, 443)), at="gateway")
    assert (verdict.kind, verdict.passed_node) == (Kind.CLOSED, True), verdict.proof
    assert verdict.path[-1].exit is not None
    assert verdict.path[-1].exit.dport == 8443


@PROTOCOLS
def test_nothing_listens_behind_masquerade(lab_of: LabOf, proto: int, word: str) -> None:
    lab = lab_of(corridor(), gateway=table("nat", "-A POSTROUTING -o right -j MASQUERADE"))
    verdict = lab.ask(Question("client", CLIENT, SERVER, to_port(proto, 443)), at="gateway")
    assert verdict.kind is Kind.CLOSED, verdict.proof
    assert verdict.path[-1].exit is not None
    assert verdict.path[-1].exit.source == FAR


def test_a_closed_port_is_told_from_a_reject_that_sends_the_same(lab_of: LabOf) -> None:
    rule = "-A FORWARD -p tcp --dport 444 -j REJECT --reject-with tcp-reset"
    lab = lab_of(corridor(), gateway=table("filter", rule))
    kinds = [lab.ask(Question("client", CLIENT, SERVER, to_port(TCP, port))).kind for port in (443, 444)]
    assert kinds == [Kind.CLOSED, Kind.REJECTED]
