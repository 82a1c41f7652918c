"""Addresses, routes and routing rules of a node, and the steps that make one node stand for many addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_interface, ip_network

from lab.kernel.ground.routes import Way, new_route
from lab.kernel.ground.routing_rules import new_rule, no_rule
from lab.kernel.ground.rtnetlink import LOCAL_TABLE, MAIN_TABLE, Request, new_address, set_up
from lab.kernel.stage.node import Node
from lab.written.routing import Hop, Route, RoutingRule
from lab.written.words import Network

EVERYWHERE = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}
_LOOPBACKS = {4: ip_network("127.0.0.0/8"), 6: ip_network("::1/128")}
_LOOPBACK_INDEX = 1
_NO_METRICS: Mapping[tuple[str, Network], int] = {}
_PRIORITY = 32000  # of a rule that says none: those of one node keep their order, before the main table


def interfaces(
    node: Node, addresses: Mapping[str, Sequence[str]], metrics: Mapping[tuple[str, Network], int] = _NO_METRICS
) -> Iterator[Request]:
    """What gives each interface its addresses (with prefix length) and sets it up, the loopback too.

    ``metrics`` are those of the routes that the kernel makes of addresses, by interface and prefix.
    """
    yield set_up("lo", _LOOPBACK_INDEX)
    for name, texts in addresses.items():
        index = node.ports[name].index
        yield set_up(name, index)
        for text in texts:
            yield new_address(name, index, text, metrics.get((name, ip_interface(text).network)) if metrics else None)
        if node.ports[name].link_local:
            yield new_address(name, index, f"{node.ports[name].link_local}/64")


def routes(node: Node, gateways: Sequence[str], written: Sequence[Route]) -> Iterator[Request]:
    """The default routes through ``gateways``, and the node's own; those on a link first, as gateways may need them."""
    yield from (_route(node, route) for route in written if not _has_gateway(route))
    for gateway in gateways:
        via = ip_address(gateway)
        yield new_route(f"default route via {gateway}", EVERYWHERE[via.version], [Way(via)])
    yield from (_route(node, route) for route in written if _has_gateway(route))


def _has_gateway(route: Route) -> bool:
    return any(way.via is not None for way in route.ways)


def _route(node: Node, route: Route) -> Request:
    return new_route(
        f"route {route.text!r}", route.destination, [_way(node, way) for way in route.ways],
        table=MAIN_TABLE if route.table is None else route.table, kind=route.kind, metric=route.metric,
        preferred=route.src, source=route.source, scope=route.scope, tos=route.tos, realm=route.realm,
        metrics=route.metrics,
    )  # fmt: skip


def _way(node: Node, way: Hop) -> Way:
    index = None if way.dev is None else _LOOPBACK_INDEX if way.dev == "lo" else node.ports[way.dev].index
    return Way(way.via, index, way.weight, way.onlink)


def rules(written: Sequence[RoutingRule], families: Sequence[int]) -> Iterator[Request]:
    """The node's routing rules; one that is of no family is written for each of the node's ``families``.

    Not those that every node has from its beginning.
    """
    for rule in written:
        if rule.is_stock:
            continue
        for family in [rule.family] if rule.family else families:
            priority = _PRIORITY if rule.priority is None else rule.priority
            yield new_rule(
                f"rule {rule.text!r}", family, rule.table, priority, source=rule.source, destination=rule.destination,
                iif=rule.iif, oif=rule.oif, fwmark=rule.fwmark, mask=rule.mask, action=rule.action, goto=rule.goto,
                inverted=rule.inverted, tos=rule.tos, uids=rule.uids, protocol=rule.protocol, sports=rule.sports,
                dports=rule.dports, suppress=rule.suppress, realm=rule.realm,
            )  # fmt: skip


def no_local_rule(written: Sequence[RoutingRule], families: Sequence[int]) -> Iterator[Request]:
    """What takes a node's first rule away, where the ``written`` are a whole list that looks the local table up elsewhere."""
    for family in families:
        plain = [rule for rule in written if rule.family in (None, family) and rule.is_plain]
        stock = {rule.table for rule in plain if rule.is_stock}
        if MAIN_TABLE in stock and LOCAL_TABLE not in stock and any(rule.table == LOCAL_TABLE for rule in plain):
            yield no_rule("the rule of the local table", family, LOCAL_TABLE, 0)


def local_routes(prefixes: Sequence[Network]) -> Iterator[Request]:
    """What makes every address of ``prefixes`` the node's own; `stand_for` is the other half."""
    for prefix in prefixes:
        yield new_route(f"anyip {prefix}", prefix, [Way(index=_LOOPBACK_INDEX)], table=LOCAL_TABLE, kind="local")


def stand_for(
    node: Node, versions: Sequence[int], inside: Sequence[Network] = (), neighbours: Sequence[str] = ()
) -> Iterator[Request]:
    """Let ``node`` own whole prefixes of the families 4, 6 or both, and still reach its neighbours and its gateway.

    Its own packets come from the loopback's point of view (``iif lo``), so they ask the main table first; all others ask
    the local table, where the prefixes are the node's own.  What it sends to a prefix of its own networks (``inside``) stays
    with it, but for the addresses of its ``neighbours`` there: hosts of one network reach each other past every router.
    """
    what = "the rules of anyip"
    for family in versions:
        for own in (_LOOPBACKS[family], *(ip_network(one) for one in node.addresses if (":" in one) == (family == 6))):
            yield new_rule(what, family, LOCAL_TABLE, 0, iif="lo", destination=own)
        if any(prefix.version == family for prefix in inside):
            for address in (ip_network(one) for one in neighbours if (":" in one) == (family == 6)):
                yield new_rule(what, family, MAIN_TABLE, 0, iif="lo", destination=address)
        for prefix in inside:
            if prefix.version == family:
                yield new_rule(what, family, LOCAL_TABLE, 0, iif="lo", destination=prefix)
        yield new_rule(what, family, MAIN_TABLE, 1, iif="lo")
        yield new_rule(what, family, LOCAL_TABLE, 2)
        yield no_rule(what, family, LOCAL_TABLE, 0)
