"""What is no witness of an arrival, and what must have been one and says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import corridor, rulesets, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

SERVICES = ["tcp/443", "udp/443", "icmp/echo-request", "icmp/timestamp-request", "icmp/address-mask-request"]


def crossroads(source: str, gateway: Mapping[str, Any]) -> dict[str, Any]:
    """A neighbour that sends as somebody of the world, whom the errors go to."""
    six = ":" in source
    nets = {"wan": "2001:db8:f::/64", "lan": "2001:db8:a::/64"} if six else {"wan": "198.51.100.0/24", "lan": "10.0.1.0/24"}
    wan, lan = ("2001:db8:f::{:x}", "2001:db8:a::{:x}") if six else ("198.51.100.{}", "10.0.1.{}")
    nodes = {
        "world": {"role": "internet", "interfaces": {"wan": wan.format(254)}, "anyip": True, "via": "gateway"},
        "neighbour": {"role": "partner", "interfaces": {"wan": wan.format(20)}, "via": "gateway"},
        "gateway": {
            "role": "gateway", "interfaces": {"wan": wan.format(1), "lan": lan.format(1)}, "forwards": True, "via": "world",
            **gateway,
        },
        "office": {"role": "client", "interfaces": {"lan": lan.format(10)}, "via": "gateway"},
    }  # fmt: skip
    return {"topology": "crossroads", "networks": nets, "nodes": nodes}


def test_a_trace_that_says_nothing_at_all_proves_nothing(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter"))
    with lab.batch(), lab.instrument.nodes["gateway"].trace.table.silence():
        for service in SERVICES:
            verdict = lab.probe("client", "server", service)
            assert (verdict.kind, verdict.passed_node) == (Kind.LOST, True), (service, verdict.proof)
            assert "must have come through gateway" in verdict.proof


@pytest.mark.parametrize("target", ["192.0.2.7", "office", "2001:db8:77::7", "office6"])
def test_an_error_that_quotes_a_probe_is_no_arrival(lab_of: LabOf, target: str) -> None:
    family, source = (6, "2001:db8:99::9") if ":" in target or target.endswith("6") else (4, "203.0.113.9")
    text = table("filter", "-A FORWARD -j REJECT")
    lab = lab_of(crossroads(source, {}), gateway=rulesets(v4=text) if family == 4 else rulesets(v6=text))
    kinds = ("icmp/echo-request", "icmp/address-mask-request") if family == 4 else ("icmpv6/echo-request", "icmpv6/130")
    for service in (*kinds, "udp/53", "tcp/80"):
        verdict = lab.probe("neighbour", target.removesuffix("6"), service, source=source, family=family)
        assert (verdict.kind, verdict.muted, verdict.arrived) == (Kind.REJECTED, True, None), (service, verdict.proof)
        assert not verdict.passed_node
        assert verdict.rule is not None
        assert verdict.rule.place == "filter:FORWARD:1"


def test_an_error_of_routing_that_quotes_a_probe_is_no_arrival(lab_of: LabOf) -> None:
    lab = lab_of(crossroads("203.0.113.9", {"routes": ["unreachable 192.0.2.0/24"]}), gateway=table("filter"))
    for service in ("icmp/echo-request", "icmp/address-mask-request"):
        verdict = lab.probe("neighbour", "192.0.2.7", service, source="203.0.113.9")
        assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.UNROUTED, "gateway", False), verdict.proof
