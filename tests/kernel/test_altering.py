"""A network that is changed while it is up: what a link takes with it when it goes down comes back when it is up again."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from lab.errors import InputError
from lab.kernel.stage.network import Network
from lab.kernel.stage.node import Node
from lab.written.route_lines import parse_routes
from tests.kernel.scenes import topology

pytestmark = pytest.mark.kernel


def two_ways() -> dict[str, Any]:
    """A gateway with a link of its own to a router, and one of three to a switch."""
    nodes = {
        "gateway": {
            "role": "gateway", "forwards": True, "via": "10.0.9.2",
            "interfaces": {"pair": ["10.0.9.1/24", "2001:db8:9::1/64"], "lan": ["10.0.1.1", "2001:db8:1::1"]},
            "routes": ["10.9.0.0/16 via 10.0.9.2", "2001:db8:99::/48 via 2001:db8:9::2", "10.8.0.0/16 via 10.0.1.7 table 7",
                       "blackhole 10.7.0.0/16"],
            "rules": ["fwmark 7 lookup 7"],
        },
        "router": {"role": "router", "interfaces": {"pair": ["10.0.9.2", "2001:db8:9::2"]}, "via": "gateway"},
        "one": {"role": "host", "interfaces": {"lan": ["10.0.1.7", "2001:db8:1::7"]}, "via": "gateway"},
        "two": {"role": "host", "interfaces": {"lan": ["10.0.1.8", "2001:db8:1::8"]}, "via": "gateway"},
    }  # fmt: skip
    networks = {"pair": ["10.0.9.0/24", "2001:db8:9::/64"], "lan": ["10.0.1.0/24", "2001:db8:1::/64"]}
    return {"topology": "two-ways", "networks": networks, "nodes": nodes}


def shown(node: Node, *what: str) -> list[str]:
    """What ``ip`` prints of the node, in an order of its own."""
    with node.namespace:
        told = subprocess.run(["ip", "-o", *what], capture_output=True, text=True, check=True).stdout
    return sorted(told.splitlines())


def state(node: Node) -> list[list[str]]:
    return [
        shown(node, "-4", "route", "show", "table", "all"), shown(node, "-6", "route", "show", "table", "all"),
        shown(node, "address"), shown(node, "-4", "neigh", "show", "nud", "permanent"),
    ]  # fmt: skip


@pytest.mark.parametrize("interface", ["pair", "lan"])
def test_down_takes_routes_addresses_and_neighbours_and_up_brings_them_back(interface: str) -> None:
    network = Network(topology(two_ways()))
    try:
        gateway = network.nodes["gateway"]
        before = {name: state(node) for name, node in network.nodes.items()}
        network.altering.set_down("gateway", interface)
        lost = "10.9.0.0/16" if interface == "pair" else "10.8.0.0/16"
        assert not any(lost in line for line in state(gateway)[0])
        assert any("blackhole 10.7.0.0/16" in line for line in state(gateway)[0]), "that leads by no link"
        network.altering.set_up("gateway", interface)
        assert {name: state(node) for name, node in network.nodes.items()} == before
    finally:
        network.close()


def test_a_link_is_set_down_once_and_up_once() -> None:
    network = Network(topology(two_ways()))
    try:
        with pytest.raises(InputError, match="lan of one is up"):
            network.altering.set_up("one", "lan")
        network.altering.set_down("one", "lan")
        with pytest.raises(InputError, match="lan of one is down already"):
            network.altering.set_down("one", "lan")
        network.altering.set_down("router", "pair")
        network.altering.set_up("one", "lan")
        network.altering.set_up("router", "pair")
    finally:
        network.close()


@pytest.mark.parametrize(("how", "line", "there"), [
    ("add", "default via 10.0.1.7 metric 5", ["default via 10.0.1.7 dev lan", "default via 10.0.9.2 dev pair"]),
    ("replace", "default via 10.0.1.7", ["default via 10.0.1.7 dev lan"]),
    ("delete", "default via 10.0.9.2", []),
    ("replace", "unreachable default", ["unreachable default"]),
])  # fmt: skip
def test_a_route_is_added_replaced_and_deleted(how: str, line: str, there: list[str]) -> None:
    network = Network(topology(two_ways()))
    try:
        (route,) = parse_routes(line)
        network.altering.route("gateway", how, route)
        found = [one for one in shown(network.nodes["gateway"], "-4", "route") if "default" in one]
        assert [one.partition(" proto")[0].partition(" metric")[0] for one in found] == there
    finally:
        network.close()


def test_what_the_kernel_refuses_of_a_route_is_told() -> None:
    network = Network(topology(two_ways()))
    try:
        for how, line, why in (
            ("add", "default via 10.0.9.2", "File exists"), ("delete", "10.66.0.0/16 via 10.0.9.2", "No such process"),
        ):  # fmt: skip
            (route,) = parse_routes(line)
            with pytest.raises(InputError, match=f"gateway: the kernel refuses route '{line}': {why}"):
                network.altering.route("gateway", how, route)
    finally:
        network.close()
