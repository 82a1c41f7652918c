"""Frames that a host bridges, and that rules of FORWARD see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lab.record.lead import Lead
from lab.why.bridged import bridged
from lab.written.topology import Topology
from tests.unit.why.walks import failed, listing, saved, table, told, way

RULES = saved(table("-A FORWARD -i wan -j ACCEPT"))
NATIVE = listing('f type filter hook forward priority 0; policy drop;\niifname "wan" accept\nreject')


def host(**bridge: Any) -> Topology:
    interface = {"network": "lan", "address": "10.0.2.1", "bridge": {"tap1": "client", "tap2": "server"}, **bridge}
    return Topology.model_validate({
        "topology": "made", "networks": {"lan": "10.0.0.0/16"},
        "nodes": {
            "gateway": {"role": "host", "interfaces": {"br0": interface}},
            "client": {"role": "guest", "interfaces": {"lan": "10.0.1.10"}},
            "server": {"role": "guest", "interfaces": {"lan": "10.0.2.10"}},
        },
    })  # fmt: skip


def said(*, via: str | None = None, native: bool = False, topology: Topology | None = None, **keys: Any) -> list[str]:
    chains = NATIVE if native else RULES
    step = "inet/t:f:2 drop" if native else "filter:FORWARD:policy drop"
    path = way(chains, step, **{"entered": "br0", "toward": "br0", **keys})
    case = failed(chains, path, topology=topology or host(**{"bridge-nf": True}))
    return told(bridged, replace(case, ask_route=lambda node, address, _source, _mark: Lead(node, address, "lan", via)))


def test_rules_see_what_is_bridged() -> None:
    assert said() == [(
        "gateway bridges it from port to port of br0, and rules of FORWARD see such frames too: "
        "net.bridge.bridge-nf-call-iptables is 1: 0 there (`bridge-nf: false`) lets them pass by these rules, or accept them "
        "before filter:FORWARD policy (`-i br0 -o br0 -m physdev --physdev-is-bridged -j ACCEPT`)"
    )]
    (hint,) = said(native=True)
    assert hint.endswith('accept them before t:f:2 (`iifname "br0" oifname "br0" accept`)')


def test_what_is_routed_or_of_a_host_that_is_no_such_bridge() -> None:
    assert said(via="10.0.2.1") == [], "who sends asks this node to route it"
    assert said(toward="eth0") == []
    assert said(entered="eth0") == []
    assert said(topology=host()) == []
