"""The source that a row asks for: a port, an address that the sender does not own, one of many."""

from __future__ import annotations

from typing import Any

import pytest

from lab.errors import InputError
from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, SERVER, corridor, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

SERVICES = ["tcp/443", "udp/443", "icmp/echo-request"]
WORLD: dict[str, Any] = {"client": {"anyip": True}, "gateway": {"via": "client"}}


@pytest.mark.parametrize("service", ["tcp/443", "udp/443"])
def test_a_fixed_source_port(lab_of: LabOf, service: str) -> None:
    proto = service.partition("/")[0]
    lab = lab_of(corridor(), gateway=table("filter", f"-A FORWARD -p {proto} --sport 53 -j ACCEPT", FORWARD="DROP"))
    lab_back = lab_of(corridor(), gateway=table("filter", f"-A FORWARD -p {proto} --sport 53 -j DROP"))
    for _ in range(3):
        verdict = lab_back.probe("client", "server", service, sport=53)
        assert (verdict.kind, verdict.observation.sent.sport) == (Kind.DROPPED, 53)
    assert lab.probe("client", "server", service, sport=53).kind is Kind.UNANSWERED
    assert lab.probe("client", "server", service, sport=54).kind is Kind.DROPPED


@pytest.mark.parametrize("service", ["tcp/443", "udp/443"])
def test_a_fixed_source_port_again_and_again(lab_of: LabOf, service: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter", "-A FORWARD -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT"))
    for _ in range(5):
        verdict = lab.probe("client", "server", service, sport=999)
        assert verdict.arrived is not None
        assert (verdict.allowed, verdict.arrived.sport) == (True, 999)


@pytest.mark.parametrize("service", SERVICES)
def test_a_spoofed_source_meets_the_rule_against_it(lab_of: LabOf, service: str) -> None:
    rule = "-A PREROUTING -i left ! -s 10.0.1.0/24 -m comment --comment spoofed -j DROP"
    lab = lab_of(corridor(), gateway=table("raw", rule))
    verdict = lab.probe("client", "server", service, source="10.0.2.77")
    assert (verdict.kind, verdict.observation.sent.source) == (Kind.DROPPED, "10.0.2.77"), verdict.proof
    assert verdict.rule is not None
    assert verdict.rule.comment == "spoofed"
    assert lab.probe("client", "server", service).allowed


@pytest.mark.parametrize("service", ["udp/443", "icmp/echo-request"])
def test_a_spoofed_source_that_is_let_through_has_passed(lab_of: LabOf, service: str) -> None:
    verdict = lab_of(corridor(), gateway=table("filter")).probe("client", "server", service, source="10.0.1.77")
    assert verdict.passed_node
    assert verdict.arrived is not None
    assert verdict.arrived.source == "10.0.1.77"


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("source", ["192.0.2.7", "203.0.113.255", "8.8.8.8"])
def test_any_address_out_there_sends(lab_of: LabOf, service: str, source: str) -> None:
    verdict = lab_of(corridor(**WORLD), gateway=table("filter")).probe("client", "server", service, source=source)
    assert verdict.allowed, verdict.proof
    assert verdict.arrived is not None
    assert verdict.arrived.source == source


@pytest.mark.parametrize("service", SERVICES)
def test_any_address_out_there_answers_from_itself(lab_of: LabOf, service: str) -> None:
    lab = lab_of(corridor(**WORLD), gateway=table("filter"))
    for address in ("192.0.2.7", "203.0.113.9", CLIENT):
        verdict = lab.probe("server", address, service)
        assert verdict.allowed, verdict.proof
        assert verdict.arrived is not None
        assert verdict.arrived[:2] == ("client", address)


def test_prefixes_are_all_that_the_node_stands_for(lab_of: LabOf) -> None:
    stage = corridor(client={"anyip": ["192.0.2.0/24"]}, gateway={"via": "client"})
    lab = lab_of(stage, gateway=table("filter"))
    assert lab.probe("server", "192.0.2.200", "udp/53").allowed
    verdict = lab.probe("server", "198.51.100.1", "udp/53")
    assert (verdict.allowed, verdict.arrived) == (False, None)


def test_the_node_that_stands_for_all_still_reaches_its_neighbours(lab_of: LabOf) -> None:
    more: dict[str, Any] = {"neighbour": {"role": "client", "interfaces": {"left": "10.0.1.11"}, "via": "gateway"}}
    lab = lab_of(corridor(**WORLD, **more), gateway=table("filter"))
    for sender, target in (("client", "neighbour"), ("neighbour", "client"), ("client", "gateway"), ("neighbour", SERVER)):
        assert lab.probe(sender, target, "tcp/443").allowed, (sender, target)


@pytest.mark.parametrize("source", ["224.0.0.5", "0.0.0.0", "255.255.255.255", "10.0.1.255"])
def test_a_source_that_the_kernel_would_replace(lab_of: LabOf, source: str) -> None:
    lab = lab_of(corridor(**WORLD), gateway=table("filter"))
    with pytest.raises(InputError, match="no host sends from"):
        lab.probe("client", "server", "tcp/443", source=source)
    with pytest.raises(InputError, match="no host sends from"):
        lab.sweep("client", "server", "tcp/443", sources=["203.0.113.9", source])
