"""A route by an interface alone, on a link that is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.record.observation import Unresolved
from lab.record.verdict import Kind
from lab.why.neighbours import neighbours
from lab.written.topology import Topology
from tests.unit.verdict.made import SYN, observed, passed, rule, verdict
from tests.unit.why.made import case

AWAY = SYN._replace(destination="203.0.113.9")


def tunnel(name: str = "wg0", **link: str) -> Topology:
    interface = {"network": "tun", "address": "10.0.9.1", **link}
    return Topology.model_validate({
        "topology": "made", "networks": {"lan": "10.0.1.0/24", "tun": "10.0.9.0/24"},
        "nodes": {
            "gateway": {"role": "gateway", "interfaces": {"lan": "10.0.1.1", name: interface}},
            "far": {"role": "far", "interfaces": {"tun": "10.0.9.2"}},
        },
    })  # fmt: skip


def told(topology: Topology | None = None, out: str = "wg0", **keys: Any) -> str:
    """What is said where nobody answered for an address that was to leave by this interface."""
    asked = keys.pop("asked", AWAY.destination)
    owner = keys.pop("owner", None)
    way = replace(passed(rule(), leaving=AWAY), entry=AWAY, out=out)
    seen = replace(observed(way), unresolved=(Unresolved("gateway", asked, owner),))
    failed = verdict(keys.pop("kind", Kind.UNROUTED), observation=seen)
    return "\n".join(map(str, neighbours(case(failed, topology=topology or tunnel(), **keys))))


def test_a_tunnel_is_no_network_of_neighbours() -> None:
    words = told()
    assert words.startswith("gateway's route to 203.0.113.9 names wg0 and no `via`, so gateway asks all on it")
    assert "WireGuard, PPP and tunnels ask nobody" in words
    assert "say `link: point-to-point` at that interface of gateway" in words


def test_another_name_may_be_any_network() -> None:
    words = told(tunnel("eth1"), "eth1")
    assert "(`via`)" in words
    assert "WireGuard" not in words
    assert "WireGuard" not in told(tunnel("wgate"), "wgate")


@pytest.mark.parametrize("keys", [
    {"asked": "10.0.9.7"},  # a router was asked for
    {"owner": "far"},  # somebody has it
    {"topology": tunnel(link="point-to-point")},
    {"kind": Kind.LOST},
    {"out": "lan0"},
])  # fmt: skip
def test_where_it_would_be_no_cause(keys: dict[str, Any]) -> None:
    assert told(**keys) == ""
