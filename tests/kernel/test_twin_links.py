"""Twins of hosts with links of other kinds, networks in one another, and neighbours that are hosts themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.lab import Lab
from lab.record.verdict import Verdict
from lab.twin.build import twin_of
from tests.unit.twin.made import EDGE, UPLINK, host, link

pytestmark = pytest.mark.kernel

PPP = link("ppp0", "100.64.3.4/32", kind="ppp", point_to_point=True, peer=("10.112.112.112",), mtu=576)
LINKS = (
    PPP, link("lan.7", "10.0.0.1/8"), link("eth1", "10.5.0.1/24"), link("wg0", "10.9.0.1/32", kind="wireguard"),
    link("br-1a2b3c4d5e6f", "172.18.0.1/16", kind="bridge"), link("spare"),
)  # fmt: skip
ROUTES = (
    "default dev ppp0 scope link", "10.112.112.112 dev ppp0 proto kernel scope link src 100.64.3.4", "10.9.0.0/24 dev wg0",
    "10.5.1.0/24 via 10.5.0.9 dev eth1",
)  # fmt: skip
SYSCTLS = {"net.ipv4.ip_forward": "1", "net.ipv4.conf.lan/7.rp_filter": "1", "net.ipv4.conf.all.rp_filter": "1"}


def ways(verdict: Verdict) -> list[tuple[str, str | None, str | None]]:
    """Where the request came in and went out, node by node; it was allowed."""
    assert verdict.allowed, verdict.proof
    return [(path.node, path.entered, path.out) for path in verdict.path]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(twin_of([host(*LINKS, routes=ROUTES, sysctls=SYSCTLS)]).topology, {}) as lab:
        yield lab


@pytest.mark.parametrize(
    ("source", "destination", "entered", "out"),
    [
        ("10.200.3.4", "9.9.9.9", "lan.7", "ppp0"),
        ("9.9.9.9", "10.200.3.4", "ppp0", "lan.7"),
        ("9.9.9.9", "100.64.3.4", "ppp0", None),
        ("10.200.3.4", "10.5.0.77", "lan.7", "eth1"),
        ("10.5.1.77", "10.4.0.1", "eth1", "lan.7"),
        ("10.5.0.77", "10.5.1.77", "eth1", "eth1"),  # the answer does not come by
        ("10.9.0.7", "172.18.9.9", "wg0", "br-1a2b3c4d5e6f"),
    ],
)
def test_each_address_is_behind_its_interface(source: str, destination: str, entered: str, out: str | None, lab: Lab) -> None:
    assert ways(lab.probe(source, destination, "tcp/80" if out else "icmp/echo-request")) == [("edge", entered, out)]


def test_hosts_of_one_network_reach_each_other_past_it(lab: Lab) -> None:
    assert ways(lab.probe("10.5.0.77", "10.5.0.78", "udp/53")) == []


def test_several_hosts_are_one_topology() -> None:
    first = host(*EDGE, routes=[UPLINK, "10.2.0.0/16 via 10.0.0.2 dev eth1"])
    second = host(link("ens3", "10.0.0.2/24"), link("ens4", "10.2.0.1/16"), routes=["default via 10.0.0.1"], name="inner")
    with Lab(twin_of([first, second]).topology, {}) as lab:
        assert ways(lab.probe("10.2.3.4", "9.9.9.9", "tcp/443")) == [("inner", "ens4", "ens3"), ("edge", "eth1", "eth0")]
        assert ways(lab.probe("9.9.9.9", "10.2.3.4", "tcp/80")) == [("edge", "eth0", "eth1"), ("inner", "ens3", "ens4")]
        assert ways(lab.probe("10.0.0.77", "9.9.9.9", "tcp/80")) == [("edge", "eth1", "eth0")]
