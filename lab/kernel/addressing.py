"""Addresses, routes and routing rules of a node, and the steps that make one node stand for many addresses."""

from __future__ import annotations

import socket as sockets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import ip_address

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from lab.errors import InputError, Problem
from lab.kernel.node import Node
from lab.spec.routing import Route, RoutingRule
from lab.spec.words import Network

_FAMILIES = {4: sockets.AF_INET, 6: sockets.AF_INET6}
_LOOPBACKS = {4: ("127.0.0.0", 8), 6: ("::1", 128)}
_LOOPBACK_INDEX = 1
_LOCAL, _MAIN = 255, 254
_SCOPE_LINK = 253
_ROUTE_KINDS = {"blackhole": "blackhole", "unreachable": "unreachable", "prohibit": "prohibit"}


def bring_up(node: Node, netlink: IPRoute, addresses: Mapping[str, Sequence[str]]) -> None:
    """Give each interface its addresses (with prefix length) and set it up, the loopback too."""
    netlink.link("set", index=_LOOPBACK_INDEX, state="up")
    for name, texts in addresses.items():
        index = node.ports[name].index
        netlink.link("set", index=index, state="up")
        for text in texts:
            address, _, length = text.partition("/")
            with _refusals(node, f"address {text} on {name}"):
                netlink.addr("add", index=index, address=address, prefixlen=int(length), family=_family(address))


def add_routes(
    node: Node, netlink: IPRoute, gateways: Sequence[str], routes: Sequence[Route], rules: Sequence[RoutingRule],
    families: Sequence[int],
) -> None:  # fmt: skip
    """The default routes through ``gateways``, then the node's own routes and rules; a refusal is an InputError.

    A rule that is of no family is written for each of the node's ``families``.
    """
    for gateway in gateways:
        with _refusals(node, f"default route via {gateway}"):
            netlink.route("add", dst="default", gateway=gateway, family=_family(gateway))
    for route in routes:
        with _refusals(node, f"route {route.text!r}"):
            netlink.route("add", **_route(node, route))
    for rule in rules:
        for family in [rule.family] if rule.family else families:
            with _refusals(node, f"rule {rule.text!r}"):
                netlink.rule("add", **_rule(rule), family=_FAMILIES[family])


def stand_for(node: Node, netlink: IPRoute, prefixes: Sequence[Network]) -> None:
    """Make ``node`` own every address of ``prefixes`` (of one family), and still reach its neighbours and its gateway.

    Its own packets come from the loopback's point of view (``iif lo``), so they ask the main table first; all others ask
    the local table, where the prefixes are the node's own.
    """
    for prefix in prefixes:
        family = _FAMILIES[prefix.version]
        netlink.route("add", dst=str(prefix), oif=_LOOPBACK_INDEX, type="local", table=_LOCAL, scope=254, family=family)
    for version in {prefix.version for prefix in prefixes}:
        family, loopback, length = _FAMILIES[version], *_LOOPBACKS[version]
        netlink.rule("add", family=family, priority=0, iifname="lo", dst=loopback, dst_len=length, table=_LOCAL)
        for own in node.addresses:
            if _family(own) == family:
                whole = ip_address(own).max_prefixlen
                netlink.rule("add", family=family, priority=0, iifname="lo", dst=own, dst_len=whole, table=_LOCAL)
        netlink.rule("add", family=family, priority=1, iifname="lo", table=_MAIN)
        netlink.rule("add", family=family, priority=2, table=_LOCAL)
        netlink.rule("del", family=family, priority=0, table=_LOCAL)


def _family(address: str) -> int:
    return sockets.AF_INET6 if ":" in address else sockets.AF_INET


def _route(node: Node, route: Route) -> dict[str, object]:
    words: dict[str, object] = {"dst": str(route.destination), "family": _FAMILIES[route.family]}
    if route.via is not None:
        words["gateway"] = str(route.via)
    if route.dev is not None:
        words["oif"] = node.ports[route.dev].index if route.dev != "lo" else _LOOPBACK_INDEX
    if route.table is not None:
        words["table"] = route.table
    if route.kind != "unicast":
        words["type"] = _ROUTE_KINDS[route.kind]
    elif route.via is None and route.family == 4:
        words["scope"] = _SCOPE_LINK  # as ip(8) has it: what is on the link can be a gateway
    return words


def _rule(rule: RoutingRule) -> dict[str, object]:
    words: dict[str, object] = {"table": rule.table}
    for direction, prefix in (("src", rule.source), ("dst", rule.destination)):
        if prefix is not None:
            words |= {direction: str(prefix.network_address), f"{direction}_len": prefix.prefixlen}
    named = {"iifname": rule.iif, "oifname": rule.oif, "fwmark": rule.fwmark, "fwmask": rule.mask}
    words |= {word: value for word, value in named.items() if value is not None}
    if rule.priority is not None:
        words["priority"] = rule.priority
    return words


@contextmanager
def _refusals(node: Node, what: str) -> Iterator[None]:
    try:
        yield
    except NetlinkError as error:
        raise InputError(
            Problem(f"{node.name}: the kernel refuses {what}: {error.args[1] if len(error.args) > 1 else error}")
        ) from error


