"""Up means up: the first packet of a new lab is not late."""

from __future__ import annotations

from typing import Any

import pytest

from lab.kernel.network import Network
from lab.kernel.node import Node
from lab.lab import Lab
from tests.kernel.scenes import corridor, rulesets, table, topology

pytestmark = pytest.mark.kernel

FORWARDING = 3  # BR_STATE_FORWARDING, linux/if_bridge.h
MORE: dict[str, Any] = {
    name: {"role": "client", "interfaces": {"left": f"10.0.1.{30 + place}"}, "via": "gateway"}
    for place, name in enumerate(("one", "two", "three"))
}


def states(node: Node) -> list[tuple[str, int | None]]:
    """The state of each link, and for a bridge's port whether it forwards."""
    found = []
    with node.netlink() as route:
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
