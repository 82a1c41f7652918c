"""Addresses, routes and routing rules of a node, and the steps that make one node stand for many addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import ip_address, ip_network

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from lab.errors import InputError, Problem
from lab.kernel.ground.families import ADDRESS_FAMILIES
from lab.kernel.ground.rtnetlink import LOCAL_TABLE, MAIN_TABLE, Request, new_address, new_route, set_up
from lab.kernel.stage.node import Node
from lab.written.routing import Route, RoutingRule
from lab.written.words import Network

EVERYWHERE = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}
_LOOPBACKS = {4: ("127.0.0.0", 8), 6: ("::1", 128)}
_LOOPBACK_INDEX = 1


def interfaces(node: Node, addresses: Mapping[str, Sequence[str]]) -> Iterator[Request]:
    """What gives each interface its addresses (with prefix length) and sets it up, the loopback too."""
    yield set_up("lo", _LOOPBACK_INDEX)
    for name, texts in addresses.items():
        index = node.ports[name].index
        yield set_up(name, index)
        yield from (new_address(name, index, text) for text in texts)


def routes(node: Node, gateways: Sequence[str], written: Sequence[Route]) -> Iterator[Request]:
    """The default routes through ``gateways``, then the node's own."""
    for gateway in gateways:
        via = ip_address(gateway)
        yield new_route(f"default route via {gateway}", EVERYWHERE[via.version], via=via)
    for route in written:
        index = None if route.dev is None else _LOOPBACK_INDEX if route.dev == "lo" else node.ports[route.dev].index
        table = MAIN_TABLE if route.table is None else route.table
        what = f"route {route.text!r}"
        yield new_route(what, route.destination, via=route.via, index=index, table=table, kind=route.kind)


def add_rules(node: Node, netlink: IPRoute, rules: Sequence[RoutingRule], families: Sequence[int]) -> None:
    """The node's routing rules; a refusal is an InputError.

    A rule that is of no family is written for each of the node's ``families``.
    """
    for rule in rules:
        for family in [rule.family] if rule.family else families:
            with _refusals(node, f"rule {rule.text!r}"):
                netlink.rule("add", **_rule(rule), family=ADDRESS_FAMILIES[family])


def local_routes(prefixes: Sequence[Network]) -> Iterator[Request]:
    """What makes every address of ``prefixes`` the node's own; `stand_for` is the other half."""
    for prefix in prefixes:
        yield new_route(f"anyip {prefix}", prefix, index=_LOOPBACK_INDEX, table=LOCAL_TABLE, kind="local")


def stand_for(node: Node, netlink: IPRoute, versions: Sequence[int]) -> None:
    """Let ``node`` own whole prefixes of the families 4, 6 or both, and still reach its neighbours and its gateway.

    Its own packets come from the loopback's point of view (``iif lo``), so they ask the main table first; all others ask
    the local table, where the prefixes are the node's own.
    """
    for version in versions:
        family, loopback, length = ADDRESS_FAMILIES[version], *_LOOPBACKS[version]
        netlink.rule("add", family=family, priority=0, iifname="lo", dst=loopback, dst_len=length, table=LOCAL_TABLE)
        for own in map(ip_address, node.addresses):
            if own.version == version:
                whole = own.max_prefixlen
                netlink.rule("add", family=family, priority=0, iifname="lo", dst=str(own), dst_len=whole, table=LOCAL_TABLE)
        netlink.rule("add", family=family, priority=1, iifname="lo", table=MAIN_TABLE)
        netlink.rule("add", family=family, priority=2, table=LOCAL_TABLE)
        netlink.rule("del", family=family, priority=0, table=LOCAL_TABLE)


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


