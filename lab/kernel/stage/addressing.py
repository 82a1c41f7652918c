"""Addresses, routes and routing rules of a node, and the steps that make one node stand for many addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network

from lab.kernel.ground.routing_rules import new_rule, no_rule
from lab.kernel.ground.rtnetlink import LOCAL_TABLE, MAIN_TABLE, Request, new_address, new_route, set_up
from lab.kernel.stage.node import Node
from lab.written.routing import Route, RoutingRule
from lab.written.words import Network

EVERYWHERE = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}
_LOOPBACKS = {4: ip_network("127.0.0.0/8"), 6: ip_network("::1/128")}
_LOOPBACK_INDEX = 1
_PRIORITY = 32000  # of a rule that says none: those of one node keep their order, before the main table


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


def rules(written: Sequence[RoutingRule], families: Sequence[int]) -> Iterator[Request]:
    """The node's routing rules; one that is of no family is written for each of the node's ``families``."""
    for rule in written:
        for family in [rule.family] if rule.family else families:
            priority = _PRIORITY if rule.priority is None else rule.priority
            yield new_rule(
                f"rule {rule.text!r}", family, rule.table, priority, source=rule.source, destination=rule.destination,
                iif=rule.iif, oif=rule.oif, fwmark=rule.fwmark, mask=rule.mask,
            )  # fmt: skip


def local_routes(prefixes: Sequence[Network]) -> Iterator[Request]:
    """What makes every address of ``prefixes`` the node's own; `stand_for` is the other half."""
    for prefix in prefixes:
        yield new_route(f"anyip {prefix}", prefix, index=_LOOPBACK_INDEX, table=LOCAL_TABLE, kind="local")


def stand_for(node: Node, versions: Sequence[int]) -> Iterator[Request]:
    """Let ``node`` own whole prefixes of the families 4, 6 or both, and still reach its neighbours and its gateway.

    Its own packets come from the loopback's point of view (``iif lo``), so they ask the main table first; all others ask
    the local table, where the prefixes are the node's own.
    """
    what = "the rules of anyip"
    for family in versions:
        for own in (_LOOPBACKS[family], *(ip_network(one) for one in node.addresses if (":" in one) == (family == 6))):
            yield new_rule(what, family, LOCAL_TABLE, 0, iif="lo", destination=own)
        yield new_rule(what, family, MAIN_TABLE, 1, iif="lo")
        yield new_rule(what, family, LOCAL_TABLE, 2)
        yield no_rule(what, family, LOCAL_TABLE, 0)
