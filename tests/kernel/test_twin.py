"""The twin of a host with an uplink and a LAN: who is behind each interface answers for all that is there."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_interface

import pytest

from lab.lab import Lab
from lab.record.host import Dumped, Host, Link
from lab.record.verdict import Kind
from lab.twin.build import twin_of
from tests.kernel.scenes import rulesets, table

pytestmark = pytest.mark.kernel

RULES = table(
    "filter",
    "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
    "-A FORWARD -i eth1 -o eth0 -p tcp --dport 443 -j ACCEPT",
    "-A FORWARD -i eth0 -o eth1 -d 10.0.0.80 -p tcp --dport 80 -j ACCEPT",
    FORWARD="DROP",
)
EDGE = Host(
    "edge",
    (
        Link("eth0", (ip_interface("198.51.100.2/29"),)),
        Link("eth1", (ip_interface("10.0.0.1/24"),)),
    ),
    routes=((4, "default via 198.51.100.1 dev eth0"), (4, "10.0.0.0/24 dev eth1 proto kernel scope link src 10.0.0.1")),
    rulesets={"v4": Dumped(RULES, "fw.rules")},
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(twin_of([EDGE]).topology, {"edge": rulesets(RULES)}) as lab:
        yield lab


def test_from_any_address_of_the_lan_to_any_of_the_world(lab: Lab) -> None:
    for source, destination in (("10.0.0.5", "203.0.113.9"), ("10.0.0.254", "8.8.4.4")):
        verdict = lab.probe(source, destination, "tcp/443")
        assert verdict.allowed, verdict.proof
        assert verdict.observation.arrived is not None
        assert verdict.observation.arrived.at == "behind-eth0"
    assert lab.probe("10.0.0.5", "203.0.113.9", "tcp/25").kind is Kind.DROPPED


def test_to_an_address_of_the_lan_that_nobody_has(lab: Lab) -> None:
    assert lab.probe("203.0.113.9", "10.0.0.80", "tcp/80").allowed
    assert lab.probe("198.51.100.6", "10.0.0.80", "tcp/80").allowed, "from a neighbour of the uplink"
    assert lab.probe("203.0.113.9", "10.0.0.81", "tcp/80").kind is Kind.DROPPED
