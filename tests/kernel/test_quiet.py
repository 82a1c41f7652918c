"""Nodes say nothing unasked, whatever is loaded into them; what a row sends on purpose is sent."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest

from lab.kernel.ground import tools
from lab.kernel.ground.syscalls import readable
from lab.kernel.hold.nf_tables import all_chains
from lab.kernel.stage.node import Node
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import rendered, table
from tests.kernel.test_ipv6 import dual_corridor, six

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

GROUP, REPORT = "ff05::4c:1", 143
DEADLINE_S = 10.0
FLUSHES = """flush ruleset
table ip6 own {
 chain sent {
  type filter hook output priority 0; policy accept;
  icmpv6 type echo-request counter accept
 }
}
"""


def joins(node: Node, interface: str) -> socket.socket:
    """A member of a group, which makes the kernel report it (RFC 3810)."""
    member = node.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    wanted = socket.inet_pton(socket.AF_INET6, GROUP) + struct.pack("=I", node.ports[interface].index)
    member.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, wanted)
    return member


def hears(node: Node, interface: str) -> socket.socket:
    ear = node.socket(socket.AF_PACKET, socket.SOCK_RAW)
    ear.bind((interface, 3))
    return ear


def reports(ear: socket.socket) -> int:
    """How many reports of groups wait at an interface: behind the hop-by-hop header stands their type."""
    count = 0
    while True:
        try:
            frame, address = ear.recvfrom(2048)
        except BlockingIOError:
            return count
        incoming = address[2] != socket.PACKET_OUTGOING
        count += incoming and frame[12:14] == b"\x86\xdd" and frame[20] == 0 and frame[62] == REPORT


def test_a_report_leaves_only_the_node_that_lost_its_table(lab_of: LabOf) -> None:
    lab = lab_of(dual_corridor(), gateway=six(table("filter")))
    nodes = lab.network.nodes
    assert tools.run(nodes["client"].namespace, ["nft", "delete", "table", "ip6", "lab_quiet"]).code == 0
    with (
        hears(nodes["gateway"], "left") as talks,
        hears(nodes["gateway"], "right") as quiet,
        joins(nodes["server"], "right"),
        joins(nodes["client"], "left"),
    ):
        while not (heard := reports(talks)):
            assert readable(talks.fileno(), DEADLINE_S), "the control was never heard"
        lab.network.rest()
        assert (heard > 0, reports(quiet)) == (True, 0)


@pytest.mark.parametrize("kind", [130, 131, 132, REPORT])
def test_what_a_row_sends_arrives(lab_of: LabOf, kind: int) -> None:
    lab = lab_of(dual_corridor(), gateway=six(table("filter", "-A FORWARD -p icmpv6 -j ACCEPT", FORWARD="DROP")))
    verdict = lab.probe("client", "server", f"icmpv6/{kind}.0", family=6)
    assert verdict.allowed, verdict.proof


def test_no_reading_of_the_node_shows_the_table(lab_of: LabOf) -> None:
    lab = lab_of(dual_corridor(), gateway=Rulesets(v6=rendered(table("filter")), nft=rendered(FLUSHES, "own.nft")))
    gateway, policy = lab.network.nodes["gateway"].namespace, lab.policies["gateway"]
    assert "table ip6 lab_quiet" in tools.run(gateway, ["nft", "list", "ruleset"]).out, "it stayed through the flush"
    assert "lab_" not in tools.run(gateway, ["ip6tables-nft-save"]).out
    assert {table for _, table, _ in policy.chains} - {"filter"} == {"own"}
    assert not [key for key in all_chains(gateway) if key[1].startswith("lab_")]


def test_nodes_without_ipv6_need_none(lab_of: LabOf) -> None:
    written: dict[str, Any] = dual_corridor()
    written["nodes"]["server"]["interfaces"]["right"] = ["10.0.2.10"]
    node = lab_of(written, gateway=table("filter")).network.nodes["server"]
    assert tools.run(node.namespace, ["nft", "list", "ruleset"]).out == ""
