"""Links as real hosts have them: point-to-point, with MAC and MTU, addresses beside a network's own, link-local gateways."""

from __future__ import annotations

from typing import Any

import pytest

from lab.kernel.ground import tools
from lab.kernel.stage.node import Node
from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import corridor, table

pytestmark = pytest.mark.kernel

OPEN = table("filter")
ANYWHERE = {4: "203.0.113.7", 6: "2001:db8:77::7"}
LARGE = "-A FORWARD -i left -p tcp --tcp-flags SYN,RST SYN -m tcpmss --mss 1361:65535 -m comment --comment large -j DROP"


def shown(node: Node, *words: str) -> str:
    done = tools.run(node.namespace, ["ip", *words])
    assert done.code == 0, done.err
    return done.out


def tunnel() -> dict[str, Any]:
    """A client behind a gateway, whose way to everywhere is a tunnel without a `via`; who is at its other end forwards."""
    return {
        "topology": "tunnel",
        "networks": {"lan": ["10.0.1.0/24", "fd00:1::/64"], "wg": ["10.8.0.0/24", "fd00:8::/64"]},
        "nodes": {
            "client": {"role": "client", "interfaces": {"lan": ["10.0.1.10", "fd00:1::10"]}, "via": "gateway"},
            "gateway": {
                "role": "gateway", "forwards": True,
                "interfaces": {
                    "lan": ["10.0.1.1", "fd00:1::1"],
                    "wg0": {"network": "wg", "address": ["10.8.0.2", "fd00:8::2"], "link": "point-to-point", "mtu": 1420},
                },
                "routes": ["default dev wg0 scope link", "::/0 dev wg0"],
            },
            "exit": {
                "role": "exit", "anyip": True,
                "interfaces": {"wg0": {"network": "wg", "address": ["10.8.0.1", "fd00:8::1"], "mtu": 1420}},
                "routes": ["default dev wg0", "default dev wg0 pref medium"],
            },
        },
    }  # fmt: skip


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_what_is_sent_on_a_point_to_point_link_arrives_whoever_it_is_for(lab_of: LabOf, proto: str, family: int) -> None:
    lab = lab_of(tunnel(), gateway=OPEN)
    verdict = lab.probe("client", {"at": "exit", "address": ANYWHERE[family]}, f"{proto}/443", family=family)
    assert verdict.allowed, verdict.proof
    gateway = lab.network.nodes["gateway"]
    assert "NOARP" in shown(gateway, "link", "show", "wg0")
    assert "fe80" not in shown(gateway, "-6", "address", "show", "wg0"), "its other end would have the same"
    assert lab.probe("gateway", "exit", f"{proto}/443", family=family).allowed
    assert lab.probe("exit", "client", f"{proto}/443", family=family).allowed


def test_without_it_a_neighbour_is_asked_for(lab_of: LabOf) -> None:
    stage = tunnel()
    del stage["nodes"]["gateway"]["interfaces"]["wg0"]["link"]
    verdict = lab_of(stage, gateway=OPEN).probe("client", {"at": "exit", "address": ANYWHERE[6]}, "udp/443", family=6)
    assert not verdict.allowed, verdict.proof


def test_a_rule_meets_the_macs_of_the_real_hosts(lab_of: LabOf) -> None:
    known = "-A INPUT -m mac --mac-source 52:54:00:aa:bb:01 -m comment --comment known -j ACCEPT"
    stage = corridor()
    stage["nodes"]["client"]["interfaces"] = {"eth0": {"network": "left", "address": "10.0.1.10", "mac": "52:54:00:aa:bb:01"}}
    port = {"network": "left", "address": "10.0.1.66", "mac": "52-54-00-AA-BB-02"}
    stage["nodes"]["guest"] = {"role": "client", "interfaces": {"eth0": port}, "via": "gateway"}
    lab = lab_of(stage, gateway=table("filter", known, INPUT="DROP"))
    verdict = lab.probe("client", "gateway@left", "tcp/22")
    assert (verdict.allowed, verdict.rule and verdict.rule.comment) == (True, "known"), verdict.proof
    assert lab.probe("guest", "gateway@left", "tcp/22").kind is Kind.DROPPED


def test_a_mtu_is_that_of_the_link(lab_of: LabOf) -> None:
    stage = corridor()
    stage["nodes"]["client"]["interfaces"] = {"eth0": {"network": "left", "address": "10.0.1.10", "mtu": 1400}}
    stage["nodes"]["guest"] = {"role": "client", "interfaces": {"left": "10.0.1.66"}, "via": "gateway"}
    stage["nodes"]["big"] = {"role": "client", "via": "gateway",
                             "interfaces": {"eth0": {"network": "left", "address": "10.0.1.67", "mtu": 9000}}}  # fmt: skip
    lab = lab_of(stage, gateway=table("filter", LARGE))
    assert lab.probe("client", "server", "tcp/443").allowed, "its SYN says 1360"
    assert lab.probe("guest", "server", "tcp/443").kind is Kind.DROPPED
    assert "mtu 9000" in shown(lab.network.nodes["big"], "link", "show", "eth0")
    bridge = next(node for node in lab.network._wiring.bridges if "left" in node.name)
    assert "mtu 9000" in shown(bridge, "link"), "its port lets through what it sends"


def test_an_address_beside_its_network_is_reached_by_the_gateway(lab_of: LabOf) -> None:
    stage = corridor(gateway={"routes": "10.9.9.9 via 10.0.2.10"})
    stage["nodes"]["server"]["interfaces"] = {"right": ["10.0.2.10", "10.9.9.9/32"]}
    stage["nodes"]["near"] = {"role": "client", "interfaces": {"right": "10.0.2.20"}, "via": "gateway"}
    lab = lab_of(stage, gateway=table("filter", "-A FORWARD -d 10.9.9.9 -m comment --comment beside -j ACCEPT"))
    for sender in ("client", "near"):
        for service in ("tcp/443", "udp/4500"):
            verdict = lab.probe(sender, "10.9.9.9", service)
            assert (verdict.allowed, verdict.rule and verdict.rule.comment) == (True, "beside"), verdict.proof
        swept = lab.sweep(sender, "10.9.9.9", "udp/4500-4501", every_port=True)
        assert [group.verdict.rule and group.verdict.rule.comment for group in swept.groups] == ["beside"], swept


@pytest.mark.parametrize(
    "routes",
    [
        ["default via 172.31.1.1 dev left", "172.31.1.1 dev left scope link"],  # as printed: what the first needs comes later
        "default via 172.31.1.1 dev left onlink",
        "default proto static\n\tnexthop via 172.31.1.1 dev left onlink\n\tnexthop via 172.31.1.1 dev left weight 2 onlink",
    ],
)
def test_a_gateway_beside_the_network_on_a_link_that_is_said(lab_of: LabOf, routes: object) -> None:
    stage = corridor()
    stage["nodes"]["gateway"]["interfaces"]["left"] = ["10.0.1.1", "172.31.1.1/32"]
    stage["nodes"]["client"] |= {"interfaces": {"left": "10.0.1.10/32"}, "via": [], "routes": routes}
    stage["nodes"]["gateway"]["routes"] = "10.0.1.10 dev left"
    assert lab_of(stage, gateway=OPEN).probe("client", "server", "tcp/443").allowed


def test_a_router_has_the_link_local_address_that_hosts_route_to(lab_of: LabOf) -> None:
    stage = tunnel()
    port = {"network": "lan", "address": ["10.0.1.1", "fd00:1::1"], "link-local": "fe80::1", "mac": "52:54:00:aa:bb:cc"}
    stage["nodes"]["gateway"]["interfaces"]["lan"] = port
    del stage["nodes"]["client"]["via"]
    for gateway in ("fe80::1", "fe80::5054:ff:feaa:bbcc"):
        stage["nodes"]["client"]["routes"] = f"default via {gateway} dev lan proto ra metric 1024 expires 1795sec pref medium"
        lab = lab_of(stage, gateway=OPEN)
        verdict = lab.probe("client", {"at": "exit", "address": ANYWHERE[6]}, "tcp/443", family=6)
        assert verdict.allowed, verdict.proof
