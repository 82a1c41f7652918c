"""What a node does not say of itself, and its topology tells: prefix lengths, and of which family a default route is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_interface, ip_network
from typing import TYPE_CHECKING

from lab.written.routing import Route
from lab.written.words import BareAddress, InterfaceAddress, Network

if TYPE_CHECKING:
    from lab.written.interface import Interface
    from lab.written.topology import NodeSpec


def completed(node: NodeSpec, networks: Mapping[str, tuple[Network, ...]]) -> NodeSpec:
    """The node, each address with the prefix length of its network unless it is written, each default route of its family."""
    interfaces = {
        name: interface.model_copy(
            update={
                "addresses": tuple(
                    _with_prefix_length(address, networks.get(interface.network, ())) for address in interface.addresses
                )
            }
        )
        for name, interface in node.interfaces.items()
    }
    routes = tuple(_of_its_family(route, interfaces) for route in node.routes)
    return node.model_copy(update={"interfaces": interfaces, "routes": routes})


def _of_its_family(route: Route, interfaces: Mapping[str, Interface]) -> Route:
    """The route, of IPv6 where its line does not tell and only IPv6 addresses are where it leads."""
    if not route.family_open:
        return route
    named = [port for name, port in interfaces.items() if name in {way.dev for way in route.ways}] or interfaces.values()
    only_six = any(one.of_family(6) for one in named) and not any(one.of_family(4) for one in named)
    return replace(route, destination=ip_network("::/0"), family_open=False) if only_six else route


def _with_prefix_length(address: InterfaceAddress, networks: tuple[Network, ...]) -> InterfaceAddress:
    if not isinstance(address, BareAddress):
        return address
    length = next((net.prefixlen for net in networks if net.version == address.version and address.ip in net), None)
    return address if length is None else ip_interface(f"{address.ip}/{length}")
