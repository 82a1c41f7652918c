"""Up means up: the first packet of a new lab is not late."""

from __future__ import annotations

from typing import Any

import pytest
from pyroute2 import IPRoute

from lab.kernel.ground import tools
from lab.kernel.ground.rtnetlink import open_route_socket
from lab.kernel.stage import readiness
from lab.kernel.stage.network import Network
from lab.kernel.stage.node import Node
from lab.lab import Lab
from tests.kernel.scenes import corridor, rulesets, table, topology
from tests.kernel.test_ipv6 import FAR as FAR_6
from tests.kernel.test_ipv6 import NEAR as NEAR_6
from tests.kernel.test_ipv6 import dual_corridor

pytestmark = pytest.mark.kernel

FORWARDING = 3  # BR_STATE_FORWARDING, linux/if_bridge.h
MORE: dict[str, Any] = {
    name: {"role": "client", "interfaces": {"left": f"10.0.1.{30 + place}"}, "via": "gateway"}
    for place, name in enumerate(("one", "two", "three"))
}


def states(node: Node) -> list[tuple[str, int | None]]:
    """The state of each link, and for a bridge's port whether it forwards."""
    found = []
    with node.namespace, IPRoute() as route:
        for link in route.get_links():
            info = link.get_attr("IFLA_LINKINFO")
            if info is None or info.get_attr("IFLA_INFO_KIND") != "veth":
                continue
            port = info.get_attr("IFLA_INFO_SLAVE_DATA")
            found.append((link.get_attr("IFLA_OPERSTATE"), port and port.get_attr("IFLA_BRPORT_STATE")))
    return found


def test_over_a_bridge_thirty_times_in_a_row() -> None:
    stage, policies = topology(corridor(**MORE)), {"gateway": rulesets(table("filter", "-A FORWARD -j ACCEPT"))}
    for _ in range(30):
        with Lab(stage, policies) as lab, lab.batch():
            verdicts = [lab.probe("one", "three", "udp/53"), lab.probe("two", "server", "tcp/443")]
        assert [(verdict.allowed, verdict.observation.repeats) for verdict in verdicts] == [(True, 0)] * 2


def test_without_a_bridge_thirty_times_in_a_row() -> None:
    stage, policies = topology(corridor()), {"gateway": rulesets(table("filter", FORWARD="DROP"))}
    for _ in range(30):
        with Lab(stage, policies) as lab, lab.batch():
            verdict = lab.probe("client", "server", "tcp/443")
        assert (verdict.denied, verdict.observation.repeats) == (True, 0), verdict.proof


def test_every_link_is_up_and_every_port_of_a_bridge_forwards() -> None:
    stage = topology(corridor(**MORE))
    for _ in range(10):
        network = Network(stage)
        try:
            found = [state for node in (*network.nodes.values(), *network._wiring.bridges) for state in states(node)]
        finally:
            network.close()
        assert len(found) == 7 + 5, "ends at nodes, and ports of the one bridge"
        assert set(found) <= {("UP", None), ("UP", FORWARDING)}


def test_several_labs_at_once_do_not_see_each_other() -> None:
    stage = topology(corridor())
    shut, opened = ({"gateway": rulesets(table("filter", FORWARD=policy))} for policy in ("DROP", "ACCEPT"))
    with Lab(stage, shut) as one, Lab(stage, opened) as other, Lab(stage, shut) as third:
        for _ in range(3):
            kinds = [lab.probe("client", "server", "tcp/443").kind for lab in (one, other, third)]
            assert [str(kind) for kind in kinds] == ["dropped", "allowed", "dropped"]


SLOW = {  # an address is tentative for a second, as it is for as long on a machine that is busy enough
    "net.ipv6.conf.default.accept_dad": 1,
    "net.ipv6.conf.default.dad_transmits": 1,
    "net.ipv6.conf.default.router_solicitation_delay": 0,
}


def held(node: Node) -> set[str]:
    """The IPv6 addresses that the node's kernel takes packets in for."""
    done = tools.run(node.namespace, ["ip", "-6", "route", "show", "table", "local", "type", "local"])
    return {line.split()[1] for line in done.out.splitlines()}


def dual(**sysctls: int) -> dict[str, Any]:
    written = dual_corridor()
    written["nodes"]["gateway"]["sysctls"] = SLOW | sysctls
    return written


@pytest.mark.parametrize("target", [NEAR_6, FAR_6])
def test_an_address_is_its_node_s_before_the_first_packet(target: str) -> None:
    """Else a packet to the gateway's other address is forwarded, and a drop in FORWARD hides that INPUT is open."""
    shut = {"gateway": rulesets(v6=table("filter", FORWARD="DROP"))}
    with Lab(topology(dual()), shut) as lab, lab.batch():
        gateway = lab.network.nodes["gateway"]
        assert {NEAR_6, FAR_6} <= held(gateway)
        assert sum(address.startswith("fe80::") for address in held(gateway)) == len(gateway.ports)
        verdict = lab.probe("client", target, "udp/53")
    assert (verdict.allowed, str(verdict.rule)) == (True, "gateway ip6 filter:INPUT policy"), verdict.proof


def test_no_address_is_waited_for_that_the_topology_switches_off() -> None:
    mine = {"net.ipv6.conf.default.addr_gen_mode": 1, "net.ipv6.conf.right.disable_ipv6": 1}
    network = Network(topology(dual(**mine)))
    try:
        assert held(network.nodes["gateway"]) == {"::1", NEAR_6}
    finally:
        network.close()


def test_an_interface_may_be_called_bridge() -> None:
    written = corridor()
    written["networks"]["bridge"] = written["networks"].pop("left")
    for name in ("client", "gateway"):
        ports = written["nodes"][name]["interfaces"]
        ports["bridge"] = ports.pop("left")
    network = Network(topology(written))
    try:
        client = network.nodes["client"]
        with open_route_socket(client.namespace) as channel:
            waited_for = readiness._links(client, channel)
        assert [link.name for link in waited_for] == ["bridge"], "it is waited for like any other"
    finally:
        network.close()
