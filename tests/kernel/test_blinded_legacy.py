"""The instrument blinded where iptables-legacy holds the rules: its log starved, its logger and its table taken away."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from lab.errors import MeasurementError
from lab.kernel.ground.nfnetlink import NETLINK_NETFILTER
from lab.kernel.watch.legacy_trace import LegacyTrace
from lab.lab import Lab
from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import SERVER, corridor, table

pytestmark = pytest.mark.kernel
ON_LEGACY = True

SHUT = table("filter", FORWARD="DROP")
SERVICES = ["tcp/443", "udp/443", "icmp/echo-request"]


def trace_of(lab: Lab) -> LegacyTrace:
    trace = lab.instrument.nodes["gateway"].trace
    assert isinstance(trace, LegacyTrace)
    return trace


def lose_the_trace_table(lab: Lab) -> None:
    node = lab.network.nodes["gateway"]
    with node.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as other:
        other.bind((0, 0))
        os.dup2(other.fileno(), trace_of(lab).table._owner._channel.fileno())


def starve(lab: Lab) -> None:
    """Leave the log no room for more than a message or two."""
    trace_of(lab)._log._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)


def lose_the_logger(lab: Lab) -> None:
    """What another program does that sets the node's logger for itself: ip_tables then tells nobody of its steps."""
    with lab.network.nodes["gateway"].namespace:
        Path("/proc/sys/net/netfilter/nf_log/2").write_text("NONE")


def flood(lab: Lab, count: int) -> None:
    with lab.network.nodes["client"].socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        for _ in range(count):
            other.sendto(b"flood", (SERVER, 9))


def test_the_next_batch_does_not_begin(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=SHUT)
    lose_the_trace_table(lab)
    with pytest.raises(MeasurementError, match="gateway"):
        lab.probe("client", "server", "tcp/443")


@pytest.mark.parametrize("service", SERVICES)
def test_a_deny_is_not_proven_any_more(lab_of: LabOf, service: str) -> None:
    lab = lab_of(corridor(), gateway=SHUT)
    verdicts = []

    def batch() -> None:
        with lab.batch():
            assert lab.probe("client", "server", service).kind is Kind.DROPPED
            lose_the_trace_table(lab)
            verdicts.append(lab.probe("client", "server", service))

    with pytest.raises(MeasurementError):
        batch()
    assert [verdict.kind for verdict in verdicts] in ([], [Kind.LOST])


@pytest.mark.parametrize("service", SERVICES)
def test_without_room_for_the_steps_a_deny_is_lost(lab_of: LabOf, service: str) -> None:
    """A canary of two messages still fits, the steps of this packet do not: the numbers of the messages tell."""
    lab = lab_of(corridor(), gateway=table("filter", *["-A FORWARD -j LOG"] * 9, FORWARD="DROP"))
    assert lab.probe("client", "server", service).kind is Kind.DROPPED
    starve(lab)
    verdict = lab.probe("client", "server", service)
    assert (verdict.kind, verdict.passed_node) == (Kind.LOST, False)
    assert "overflowed" in verdict.proof


@pytest.mark.parametrize("service", SERVICES)
def test_without_the_steps_no_deny_is_proven(lab_of: LabOf, service: str) -> None:
    lab = lab_of(corridor(), gateway=SHUT)
    lose_the_logger(lab)
    verdict = lab.probe("client", "server", service)
    assert (verdict.kind, verdict.rule, verdict.denied) == (Kind.UNROUTED, None, False)


def test_a_flood_costs_one_repeat(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=SHUT)
    trace_of(lab)._log._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 60_000)
    with lab.batch():
        flood(lab, 200)
        verdict = lab.probe("client", "server", "udp/443")
    assert (verdict.kind, verdict.observation.repeats) == (Kind.DROPPED, 1)
    assert verdict.rule is not None
    assert verdict.rule.place == "filter:FORWARD policy"
