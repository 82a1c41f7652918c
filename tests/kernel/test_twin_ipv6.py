"""The twin of a host that speaks IPv6: neighbours are asked for through its rules, whoever stands for them."""

from __future__ import annotations

from ipaddress import ip_interface

import pytest

from lab.lab import Lab
from lab.record.host import Dumped, Host, Link
from lab.twin.build import twin_of
from tests.kernel.scenes import rulesets, table

pytestmark = pytest.mark.kernel

NEIGHBOURS = [f"-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type {kind} -j ACCEPT" for kind in (135, 136)]
FORWARDED = (
    "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
    "-A FORWARD -i eth1 -o eth0 -p tcp --dport 443 -j ACCEPT",
    "-A FORWARD -i eth0 -d 2001:db8:a::80/127 -p tcp --dport 8080 -j ACCEPT",
)
DNAT = table("nat", "-A PREROUTING -i eth0 -p tcp --dport 80 -j DNAT --to-destination [2001:db8:a::81]:8080")


def edge(rules: str, *routes: str, **more: str) -> Host:
    return Host(
        "edge",
        (
            Link("eth0", tuple(map(ip_interface, more.get("uplink", "2001:db8:f::2/64").split())), mac="52:54:00:00:00:01"),
            Link("eth1", (ip_interface("2001:db8:a::1/64"), ip_interface("fe80::7/64"))),
        ),
        routes=tuple((6, route) for route in routes),
        rulesets={"v6": Dumped(rules, "fw.rules6")},
        sysctls={"net.ipv6.conf.all.forwarding": "1"},
    )


def lab_of_host(host: Host) -> Lab:
    return Lab(twin_of([host]).topology, {"edge": rulesets(v6=host.rulesets["v6"].text)})


def test_neighbours_that_nobody_has_are_asked_for() -> None:
    rules = table("filter", *NEIGHBOURS, *FORWARDED, INPUT="DROP", FORWARD="DROP") + DNAT
    with lab_of_host(edge(rules, "default via 2001:db8:f::1 dev eth0 metric 1024 pref medium")) as lab:
        assert lab.probe("2001:db8:a::5", "2001:db8:77::9", "tcp/443").allowed
        assert lab.probe("2001:db8:77::9", "2001:db8:a::80", "tcp/8080").allowed
        translated = lab.probe("2001:db8:77::9", "2001:db8:f::2", "tcp/80")
        assert translated.observation.request[-1].exit is not None
        assert translated.observation.request[-1].exit.destination == "2001:db8:a::81"
        assert translated.observation.missing is None
        assert "came back" in translated.proof or "answered" in translated.proof, translated.proof


def test_a_policy_that_breaks_the_asking_is_seen() -> None:
    rules = table("filter", NEIGHBOURS[0], *FORWARDED, INPUT="DROP", FORWARD="DROP")
    with lab_of_host(edge(rules, "default via 2001:db8:f::1 dev eth0")) as lab:
        verdict = lab.probe("2001:db8:77::9", "2001:db8:a::80", "tcp/8080")
        assert not verdict.allowed
        asked = {(one.node, one.address, one.owner) for one in verdict.observation.unresolved}
        assert ("edge", "2001:db8:a::80", "behind-eth1") in asked


def test_an_uplink_that_has_link_local_addresses_alone() -> None:
    rules = table("filter", *NEIGHBOURS, *FORWARDED, INPUT="DROP", FORWARD="DROP")
    host = edge(rules, "default via fe80::9 dev eth0 proto ra metric 1024", uplink="fe80::5054:ff:fe00:1/64")
    with lab_of_host(host) as lab:
        assert lab.probe("2001:db8:a::5", "2001:db8:77::9", "tcp/443").allowed
        assert lab.probe("2001:db8:77::9", "2001:db8:a::80", "tcp/8080").allowed
