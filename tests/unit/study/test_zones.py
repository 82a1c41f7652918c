"""Who is asked from where."""

from __future__ import annotations

from lab.study.zones import BEYOND, pairs
from lab.written.topology import Topology

TOPOLOGY = Topology.model_validate({
    "topology": "made",
    "networks": {"out": "198.51.100.0/24", "in": ["10.0.0.0/24", "2001:db8::/64"]},
    "nodes": {
        "world": {"role": "internet", "interfaces": {"out": "198.51.100.254"}, "anyip": True, "via": "gateway"},
        "gateway": {
            "role": "gateway", "interfaces": {"out": "198.51.100.1", "in": ["10.0.0.1", "2001:db8::1"]}, "forwards": True,
        },
        "one": {"role": "client", "interfaces": {"in": ["10.0.0.10", "2001:db8::10"]}, "via": "gateway"},
        "two": {"role": "client", "interfaces": {"in": "10.0.0.20"}, "via": "gateway"},
    },
    "names": {"site": "198.51.100.1", "resolver": "192.0.2.53"},
})  # fmt: skip


def asked(family: int, under_test: tuple[str, ...] = ("gateway",)) -> set[tuple[str, str, str, str]]:
    return {(pair.sender, pair.into, pair.target, pair.address) for pair in pairs(TOPOLOGY, under_test, (family,))}


def test_every_node_asks_other_networks_and_the_node_under_test() -> None:
    of_gateway = {("out", "site", "198.51.100.1"), ("in", "gateway@in", "10.0.0.1")}
    inside = {(BEYOND, "resolver", "192.0.2.53"), ("out", "world", "198.51.100.254"), *of_gateway}
    assert asked(4) == {
        *(("world", *place) for place in (*of_gateway, ("in", "one", "10.0.0.10"), ("in", "two", "10.0.0.20"))),
        *(("one", *place) for place in inside),
        *(("two", *place) for place in inside),
    }


def test_only_what_has_an_address_of_the_family() -> None:
    assert asked(6) == {("one", "in", "gateway", "2001:db8::1")}


def test_a_node_under_test_asks_nobody_and_is_asked_in_its_own_network() -> None:
    found = asked(4, ("one",))
    assert ("two", "in", "one", "10.0.0.10") in found
    assert not [one for one in found if one[0] == "one"]
