"""The twin of hosts with several ways to the world: what is behind them is one, and marks choose which is taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from lab.lab import Lab
from lab.record.host import Host
from lab.record.sweep import Gear
from lab.record.verdict import Kind, Verdict
from lab.ruleset.rulesets import Rulesets
from lab.twin.build import twin_of
from tests.kernel.real_rulesets.dumps import loadable
from tests.kernel.real_rulesets.hosts import openlab_host
from tests.kernel.scenes import rulesets, table
from tests.unit.twin.made import host, link

pytestmark = pytest.mark.kernel

MARKS = table("mangle", "-A PREROUTING -s 10.0.0.128/25 -j MARK --set-mark 1") + table(
    "filter", "-A FORWARD -d 9.9.9.9 -p tcp --dport 25 -j DROP"
)


def two_lines() -> Host:
    links = link("lan", "10.0.0.1/24"), link("fibre", "198.51.100.2/30"), link("cable", "203.0.113.2/30")
    routes = ["default via 198.51.100.1 dev fibre", "default via 203.0.113.1 dev cable table 7"]
    return host(*links, routes=routes, rules=["100: from all fwmark 0x1 lookup 7"])


def way_out(verdict: Verdict, node: str) -> tuple[str | None, str | None]:
    """The interface by which the request left the node, and where it arrived."""
    assert verdict.allowed, verdict.proof
    assert verdict.observation.arrived is not None
    return next(path.out for path in verdict.path if path.node == node), verdict.observation.arrived.at


def test_a_mark_leads_to_the_same_world_by_another_line() -> None:
    with Lab(twin_of([two_lines()]).topology, {"edge": rulesets(MARKS)}) as lab:
        assert way_out(lab.probe("10.0.0.5", "9.9.9.9", "tcp/443"), "edge") == ("fibre", "behind-fibre")
        assert way_out(lab.probe("10.0.0.200", "9.9.9.9", "tcp/443"), "edge") == ("cable", "behind-cable")
        assert lab.probe("10.0.0.200", "9.9.9.9", "udp/53").allowed
        assert lab.probe("10.0.0.200", "9.9.9.9", "tcp/25").kind is Kind.DROPPED
        astray = lab.probe("10.0.0.200", {"at": "behind-fibre", "address": "9.9.9.9"}, "tcp/443")
        assert astray.kind is Kind.CLOSED, "who says where is held to it"
        fates = lab.sweep("10.0.0.200", "9.9.9.9", "tcp/20-30", gear=Gear.VERDICT)
        assert [fates.of(port).verdict.kind for port in (25, 26)] == [Kind.DROPPED, Kind.CLOSED]
        assert [group.arrived.at for group in fates.open if group.arrived is not None] == ["behind-cable"]
        answered = lab.probe({"at": "behind-cable", "address": "9.9.9.9"}, "10.0.0.200", "icmp/echo-request")
        assert answered.allowed


def test_what_a_mark_leads_past_its_network_arrives_where_it_is_led_to() -> None:
    old = two_lines()
    edge = replace(old, links=(*old.links, link("dmz", "10.9.0.1/24")))
    with Lab(twin_of([edge]).topology, {"edge": rulesets(MARKS)}) as lab:
        fates = lab.sweep("10.0.0.200", "10.9.0.7", "tcp/20-22", gear=Gear.VERDICT)
        assert [group.arrived.at for group in fates.open if group.arrived is not None] == ["behind-cable"]
        fates = lab.sweep("10.0.0.5", "10.9.0.7", "tcp/20-22", gear=Gear.VERDICT)
        assert [group.arrived.at for group in fates.open if group.arrived is not None] == ["behind-dmz"]


@pytest.fixture(scope="module")
def openlab() -> Iterator[Lab]:
    twin = twin_of([openlab_host()])
    with Lab(twin.topology, {"openlab": Rulesets(v4=loadable("openlab_multiuplink"))}) as lab:
        yield lab


LEAVES = {"192.168.0.85": "eth4", "192.168.0.227": "eth5", "192.168.0.9": "tap20", "10.11.66.77": "tap0", "10.11.70.5": "eth5"}


@pytest.mark.parametrize(("source", "leaves"), LEAVES.items())
def test_the_marks_of_a_real_host_choose_its_uplink(source: str, leaves: str, openlab: Lab) -> None:
    assert way_out(openlab.probe(source, "192.0.2.9", "tcp/443"), "openlab") == (leaves, f"behind-{leaves}")
