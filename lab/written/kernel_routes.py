"""Routes that the kernel makes by itself: a printed list has them, and a lab's kernel has made them before any is written.

Which they are is told from the node's addresses (net/ipv4/fib_frontend.c: fib_add_ifaddr; net/ipv6/addrconf.c).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from lab.written.routing import TABLES, Route
from lab.written.words import InterfaceAddress, Network

if TYPE_CHECKING:
    from lab.written.interface import Interface

_EVERY_NODE = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_EVERY_LINK = (IPv6Network("fe80::/10"), IPv6Network("ff00::/8"))
_USUAL = {4: 0, 6: 256}  # metrics of prefix routes


def is_made(route: Route, interfaces: Mapping[str, Interface]) -> bool:
    """Whether the kernel makes ``route`` by itself on a node with these ``interfaces``."""
    if not route.by_kernel:
        return False
    if _inside(route.destination, _EVERY_NODE) or _inside(route.destination, _EVERY_LINK):
        return True
    if route.kind == "unreachable" and route.family == 6:
        return True
    interface = interfaces.get(route.dev or "")
    if interface is None or route.via is not None:
        return False
    own = interface.of_family(route.family)
    if route.kind == "unicast":
        first = next((address for address in own if address.network == route.destination), None)
        return first is not None and route.table is None and route.src in (None, first.ip)
    return route.table == TABLES["local"] and any(_same(route, address) for address in own)


def _inside(prefix: Network, known: tuple[Network, ...]) -> bool:
    return any(one.version == prefix.version and prefix.subnet_of(one) for one in known)  # type: ignore[arg-type]


def _same(route: Route, address: InterfaceAddress) -> bool:
    if route.destination.prefixlen != route.destination.max_prefixlen:
        return False
    one, network = route.destination.network_address, address.network
    return {
        "local": one == address.ip,
        "broadcast": one in (network[0], network[-1]),
        "anycast": one == network[0],
    }.get(route.kind, False)


def first_of(route: Route, interface: Interface) -> InterfaceAddress | None:
    """The address whose prefix route a line of table main is, if any; its source is this one's."""
    if not route.by_kernel or route.kind != "unicast" or route.table not in (None, TABLES["main"]) or route.via is not None:
        return None
    return next((one for one in interface.of_family(route.family) if one.network == route.destination), None)


def metrics(routes: tuple[Route, ...], interfaces: Mapping[str, Interface]) -> Iterator[tuple[str, Network, int]]:
    """(interface, prefix, metric) of the prefix routes that were printed with another metric than the kernel's usual one."""
    for route in routes:
        unusual = route.metric is not None and route.metric != _USUAL[route.family]
        if unusual and route.kind == "unicast" and route.dev in interfaces and is_made(route, interfaces):
            yield str(route.dev), route.destination, int(route.metric or 0)
