"""The lab distrusts itself: blinded from outside, it says that it saw nothing, and never that all is well."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import pytest
from pyroute2 import IPRoute

from lab.errors import MeasurementError
from lab.kernel.ground.nfnetlink import NETLINK_NETFILTER
from lab.kernel.ground.tools import run
from lab.kernel.stage.node import Node
from lab.kernel.watch.nft_trace import NftTrace
from lab.kernel.watch.tracer import Tracer
from lab.lab import Lab
from lab.probe.attempt import REPEATS
from lab.record.sweep import DENIED, OPEN, Gear
from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import SERVER, corridor, table

pytestmark = pytest.mark.kernel

SHUT = table("filter", FORWARD="DROP")
EATEN = ("-A FORWARD -p udp --dport 200:204 -j DROP", "-A FORWARD -p udp --dport 205:207 -j REJECT")
SERVICES = ["tcp/443", "udp/443", "icmp/echo-request"]
UNPROVEN = (Kind.LOST, Kind.UNROUTED)


def tracer_of(lab: Lab, node: str = "gateway") -> Tracer:
    trace = lab.instrument.nodes[node].trace
    assert isinstance(trace, NftTrace)
    return trace._tracer


def lose_the_trace_table(lab: Lab) -> None:
    """Take the table away as its owner's death would: another socket takes the place of its owner."""
    node = lab.network.nodes["gateway"]
    with node.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as other:
        other.bind((0, 0))
        os.dup2(other.fileno(), tracer_of(lab).table._owner._channel.fileno())
    assert "lab_trace" not in run(node.namespace, ["nft", "list", "tables"]).out


def starve(lab: Lab) -> None:
    """Leave the trace no room for more than a message or two."""
    tracer_of(lab)._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)


def flood(lab: Lab, count: int) -> None:
    """Send datagrams through the gateway that nobody reads the trace of."""
    with lab.network.nodes["client"].socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        for _ in range(count):
            other.sendto(b"flood", (SERVER, 9))


def drop_at_ingress(node: Node, interface: str) -> None:
    chain = f'type filter hook ingress device "{interface}" priority 0\npolicy drop\n'
    done = run(node.namespace, ["nft", "-f", "-"], f"table netdev early {{\nchain c {{\n{chain}}}\n}}\n")
    assert done.code == 0, done.err


def drop_early(lab: Lab, node: str, interface: str) -> None:
    """Drop everything that comes in by an interface, before any hook that tracing sees."""
    drop_at_ingress(lab.network.nodes[node], interface)


def take_route_away(lab: Lab, node: str, destination: str) -> None:
    done = run(lab.network.nodes[node].namespace, ["ip", "route", "del", destination])
    assert done.code == 0, done.err


def switch_off(lab: Lab, hook: str) -> None:
    """As another program could, now that it is too late to refuse it."""
    chain = f"type filter hook {hook} priority -350; meta nftrace set 0;"
    script = f"table inet quiet {{\nchain c {{\n{chain}\n}}\n}}\n"
    done = run(lab.network.nodes["gateway"].namespace, ["nft", "-f", "-"], script)
    assert done.code == 0, done.err


@pytest.mark.parametrize("blind", [lose_the_trace_table, starve])
def test_the_next_batch_does_not_begin(lab_of: LabOf, blind: Callable[[Lab], None]) -> None:
    lab = lab_of(corridor(), gateway=SHUT)
    blind(lab)
    with pytest.raises(MeasurementError, match="gateway"):
        lab.probe("client", "server", "tcp/443")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("blind", [lose_the_trace_table, starve])
def test_a_deny_is_not_proven_any_more(lab_of: LabOf, blind: Callable[[Lab], None], service: str) -> None:
    lab = lab_of(corridor(), gateway=SHUT)
    verdicts = []

    def batch() -> None:
        with lab.batch():
            assert lab.probe("client", "server", service).kind is Kind.DROPPED
            blind(lab)
            verdicts.append(lab.probe("client", "server", service))

    with pytest.raises(MeasurementError):
        batch()
    assert [verdict.kind for verdict in verdicts] in ([], [Kind.LOST])


def test_without_room_for_the_trace_repeats_are_bounded(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=SHUT)
    verdicts = []

    def batch() -> None:
        with lab.batch():
            starve(lab)
            verdicts.append(lab.probe("client", "server", "udp/443"))

    with pytest.raises(MeasurementError, match="overflowed"):
        batch()
    (verdict,) = verdicts
    assert (verdict.kind, verdict.passed_node) == (Kind.LOST, False)
    assert "trace buffer overflowed" in verdict.proof
    assert verdict.observation.repeats == 2 * REPEATS + 1, "each sending repeated, and once more with everything traced"


def test_a_flood_costs_one_repeat(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=SHUT)
    tracer_of(lab)._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 60_000)
    with lab.batch():
        flood(lab, 200)
        verdict = lab.probe("client", "server", "udp/443")
    assert (verdict.kind, verdict.observation.repeats) == (Kind.DROPPED, 1)
    assert verdict.rule is not None
    assert verdict.rule.place == "filter:FORWARD policy"


def test_a_flood_that_fits_costs_nothing(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=SHUT)
    with lab.batch():
        flood(lab, 100)
        verdict = lab.probe("client", "server", "udp/443")
    assert (verdict.kind, verdict.observation.repeats) == (Kind.DROPPED, 0)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(("node", "interface", "passed"), [("gateway", "left", False), ("server", "right", True)])
def test_an_early_drop(lab_of: LabOf, service: str, node: str, interface: str, passed: bool) -> None:
    lab = lab_of(corridor(), gateway=SHUT if node == "gateway" else table("filter"))
    drop_early(lab, node, interface)
    verdict = lab.probe("client", "server", service)
    assert (verdict.kind, verdict.passed_node) == (Kind.LOST, passed), verdict.proof
    assert (verdict.observation.fully_traced, verdict.observation.repeats) == (True, 1)


@pytest.mark.parametrize("service", SERVICES)
def test_an_early_drop_of_the_answer(lab_of: LabOf, service: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter"))
    drop_early(lab, "gateway", "right")
    verdict = lab.probe("client", "server", service)
    assert verdict.kind in (Kind.LOST, Kind.UNANSWERED), verdict.proof
    assert verdict.passed_node


@pytest.mark.parametrize("service", SERVICES)
def test_a_route_taken_away(lab_of: LabOf, service: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter"))
    with lab.batch():
        assert lab.probe("client", "server", service).allowed
        take_route_away(lab, "gateway", "10.0.2.0/24")
        verdict = lab.probe("client", "server", service)
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.UNROUTED, "gateway", False), verdict.proof


@pytest.mark.parametrize("service", SERVICES)
def test_the_way_back_taken_away(lab_of: LabOf, service: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter"))
    with lab.batch():
        take_route_away(lab, "server", "default")
        verdict = lab.probe("client", "server", service)
    assert verdict.kind in (*UNPROVEN, Kind.UNANSWERED), verdict.proof
    assert verdict.passed_node


def test_a_link_that_went_down(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=SHUT)
    with lab.network.nodes["gateway"].namespace, IPRoute() as route:
        route.link("set", index=lab.network.nodes["gateway"].ports["left"].index, state="down")
    assert lab.probe("client", "server", "udp/443").kind in UNPROVEN


@pytest.mark.parametrize("hook", ["prerouting", "forward"])
def test_a_trace_that_is_switched_off_proves_nothing(lab_of: LabOf, hook: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter"))
    switch_off(lab, hook)
    for service in (*SERVICES, "icmp/timestamp-request", "icmp/address-mask-request"):
        verdict = lab.probe("client", "server", service)
        assert (verdict.kind, verdict.passed_node) == (Kind.LOST, True), (service, verdict.proof)
        assert "blind" in verdict.proof


@pytest.mark.parametrize("gear", list(Gear))
def test_a_sweep_leaves_nothing_out(lab_of: LabOf, gear: Gear) -> None:
    lab = lab_of(corridor(), gateway=table("filter", *EATEN))
    switch_off(lab, "prerouting")
    sweep = lab.sweep("client", "server", "udp/191-210", gear=gear, every_port=True)
    assert sweep.count == 20
    for low, high, group in sweep.ranges():
        for port in range(low, high + 1):
            kind, shut = group.verdict.kind, 200 <= port < 208
            assert (kind in OPEN, kind in DENIED) in ((False, False), (not shut, shut)), (port, group.verdict.proof)
            assert shut or group.verdict.passed_node, (port, group.verdict.proof)
