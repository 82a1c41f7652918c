"""The kernel took the packet outside any rule's drop."""

from __future__ import annotations

import socket

import pytest

from lab.kernel.ground.tools import run
from lab.record.path import End
from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, ESTABLISHED, SERVER, corridor, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True


@pytest.mark.parametrize("service", ["tcp/443", "udp/443", "icmp/echo-request"])
def test_a_queue_without_reader(lab_of: LabOf, service: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter", "-A FORWARD -i left -j NFQUEUE --queue-num 3"))
    verdict = lab.probe("client", "server", service)
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.CONSUMED, "gateway", False), verdict.proof
    assert verdict.path[-1].end is End.QUEUED
    assert "to queue 3 of user space, by gateway filter:FORWARD:1" in verdict.proof


def test_a_queue_that_may_be_bypassed_lets_through(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter", "-A FORWARD -i left -j NFQUEUE --queue-num 3 --queue-bypass"))
    assert lab.probe("client", "server", "tcp/443").allowed


@pytest.mark.parametrize("proto", ["udp", "tcp"])
def test_no_free_port_left_for_source_nat(lab_of: LabOf, proto: str) -> None:
    rule = f"-A POSTROUTING -o right -p {proto} -j SNAT --to-source 10.0.2.1:5000"
    # open all the time: the entry of a refused connection is closed, and a closed entry's port may be given away
    written = corridor()
    written["nodes"]["server"]["services"] = [f"{proto}/443"]
    lab = lab_of(written, gateway=table("nat", rule) + table("filter", ESTABLISHED))
    assert lab.probe("client", "server", f"{proto}/443").allowed
    kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
    with lab.network.nodes["client"].socket(socket.AF_INET, kind) as other:
        other.bind((CLIENT, 999))
        other.connect_ex((SERVER, 443))
        if proto == "udp":
            other.send(b"first")
        lab.network.rest()
        verdict = lab.probe("client", "server", f"{proto}/443")
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.CONSUMED, "gateway", False), verdict.proof
    assert {(loss.node, loss.counter) for loss in verdict.observation.losses} >= {("gateway", "insert_failed")}


def test_a_rule_s_drop_is_never_taken_for_it(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter", ESTABLISHED, FORWARD="DROP"))
    assert lab.probe("client", "server", "udp/443").kind is Kind.DROPPED
    assert run(lab.network.nodes["gateway"].namespace, ["iptables-nft-save"]).code == 0
