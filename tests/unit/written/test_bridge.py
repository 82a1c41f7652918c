"""A node that is a bridge, as a topology says it: its ports, who is behind them, and what cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.written.topology import Topology
from lab.written.topology_checks import check_topology
from tests.unit.written.written import assert_told, topology

BRIDGE = "bridge: [uplink, tap1, tap2]"
FARM = """
topology: farm
networks: {lan: 10.8.0.0/24, back: 10.9.0.0/24}
nodes:
  shelf: {role: disk, interfaces: {lan: 10.8.0.5}}
  host:
    role: host
    interfaces:
      br0: {network: lan, address: 10.8.0.2, bridge: [uplink, tap1, tap2], bridge-nf: true}
      eth9: {network: back, address: 10.9.0.2}
  one: {role: guest, interfaces: {lan: 10.8.0.21}}
  two: {role: guest, interfaces: {lan: 10.8.0.22}}
"""


def ends(written: Topology) -> dict[str, tuple[tuple[str, str], ...]]:
    return {name: segment.ends for name, segment in written.segments.items()}


def test_each_port_of_a_list_has_one_node_in_the_order_written(tmp_path: Path) -> None:
    written = topology(FARM, tmp_path)
    assert ends(written) == {
        "lan at host:uplink": (("host", "uplink"), ("shelf", "lan")),
        "lan at host:tap1": (("host", "tap1"), ("one", "lan")),
        "lan at host:tap2": (("host", "tap2"), ("two", "lan")),
        "back": (("host", "eth9"),),
    }
    host = written.nodes["host"]
    assert host.devices == ("br0", "eth9", "uplink", "tap1", "tap2")
    assert host.seen_ports == ("uplink", "tap1", "tap2")
    assert (host.passes_on, host.forwards, written.nodes["one"].passes_on) == (True, False, False)


def test_a_mapping_says_who_is_behind_which_port(tmp_path: Path) -> None:
    written = topology(FARM.replace(BRIDGE, "bridge: {in: [two, one], out: shelf, spare: []}"), tmp_path)
    assert ends(written) == {
        "lan at host:in": (("host", "in"), ("one", "lan"), ("two", "lan")),
        "lan at host:out": (("host", "out"), ("shelf", "lan")),
        "lan at host:spare": (("host", "spare"),),
        "back": (("host", "eth9"),),
    }


def test_a_port_that_names_nobody_has_the_next_that_nobody_names(tmp_path: Path) -> None:
    written = topology(FARM.replace(BRIDGE, "bridge: {uplink: [two, shelf], tap1: null, tap2: null}"), tmp_path)
    assert ends(written)["lan at host:tap1"] == (("host", "tap1"), ("one", "lan"))
    assert ends(written)["lan at host:tap2"] == (("host", "tap2"),)


def test_rules_see_no_port_without_bridge_netfilter(tmp_path: Path) -> None:
    assert topology(FARM.replace(", bridge-nf: true", ""), tmp_path).nodes["host"].seen_ports == ()


@pytest.mark.parametrize("written", [BRIDGE, "bridge: {uplink: [shelf, one, two]}"])
def test_as_written_it_can_be_read_again(tmp_path: Path, written: str) -> None:
    made = topology(FARM.replace(BRIDGE, written), tmp_path)
    again = Topology.model_validate(made.model_dump(mode="json", by_alias=True))
    assert again.nodes == made.nodes


@pytest.mark.parametrize(
    ("before", "after", "at", "expected"),
    [
        (BRIDGE, "bridge: [uplink, tap1]", "br0:", ["two on lan is behind no port", "bridge: {uplink: [shelf, two], …}"]),
        (BRIDGE, "bridge: {uplink: shelf, tap1: [one, three]}", "br0:", ["'three' at a port, which is no other node on lan"]),
        (BRIDGE, "bridge: {uplink: shelf, tap1: one, tap2: [one, two]}", "br0:", ["br0 has one at two ports"]),
        (BRIDGE, "bridge: {uplink: [shelf, host], tap1: one, tap2: two}", "br0:", ["'host' at a port, which is no other"]),
        (BRIDGE, "bridge: [uplink, tap1, tap1]", "br0:", ["the port tap1 is listed twice"]),
        (BRIDGE, "bridge: [uplink, tap1, eth9]", "br0:", ["eth9 is a port of br0 and an interface of its own"]),
        (BRIDGE, "bridge: [uplink, tap1, sixteen-letters-]", "br0:", ["'sixteen-letters-' is not an interface name"]),
        (BRIDGE, "bridge: {uplink: [shelf, 'a b']}", "br0:", ["'a b' is not a name"]),
        (BRIDGE, "bridge: [uplink, tap1, lo]", "br0:", ["'lo' cannot be an interface of a node"]),
        (BRIDGE, f"{BRIDGE}, link: point-to-point", "br0:",
         ["br0 is a bridge, and network lan is point-to-point by br0 of node host"]),
        (BRIDGE, "bridge: [uplink, tap1, tap%d]", "br0:", ["'tap%d' is not an interface name"]),
        (BRIDGE, "bridge: []", "br0:", ["br0 has `bridge-nf` and is no bridge"]),
        ("eth9: {network: back, address: 10.9.0.2}", "eth9: {network: back, address: 10.9.0.2, bridge-nf: true}",
         "eth9:", ["eth9 has `bridge-nf` and is no bridge"]),
        ("eth9: {network: back, address: 10.9.0.2}", "br1: {network: back, bridge: tap3}",
         "br0:", ["holds for all bridges of a node, and they differ"]),
        ("eth9: {network: back, address: 10.9.0.2}", "br1: {network: back, bridge: tap2, bridge-nf: true}",
         "br1:", ["tap2 is a port of two bridges"]),
        ("eth9: {network: back, address: 10.9.0.2}", "eth9: {network: lan, address: 10.8.0.3}",
         "br0:", ["it is on lan by its bridge br0 already"]),
        ("one: {role: guest, interfaces: {lan: 10.8.0.21}}",
         "one: {role: guest, interfaces: {br0: {network: lan, address: 10.8.0.21, bridge: x}}}",
         "one:", ["node one: host bridges lan already", "a network of its own"]),
    ],
)  # fmt: skip
def test_what_cannot_be(tmp_path: Path, before: str, after: str, at: str, expected: list[str]) -> None:
    text = FARM.replace(before, after)
    assert text != FARM
    (line,) = [number for number, line in enumerate(text.split("\n"), 1) if at in line]
    assert_told(lambda: topology(text, tmp_path), line, *expected)


def test_the_example_is_fine(tmp_path: Path) -> None:
    assert not [*check_topology(topology(FARM, tmp_path))]
