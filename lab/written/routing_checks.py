"""Whether the routes and rules of a node can be on it: their interfaces, their gateways, their sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lab.errors import Problem, Where
from lab.written.kernel_routes import first_of, is_made
from lab.written.line_words import NAMED_TABLES
from lab.written.routing import TABLES, Hop, Route, RoutingRule
from lab.written.topology import NodeSpec, Topology
from lab.written.words import Address, refused


def not_next_to(topology: Topology, node: NodeSpec, gateway: Address) -> str | None:
    """Why a node cannot send to this gateway directly; None when it can."""
    if why := refused(gateway):
        return f"cannot be used: {why}"
    ports = [port for port in node.interfaces.values() if port.network == topology.network_of(str(gateway))]
    if not ports:
        return "is on none of its networks"
    if not any(port.of_family(gateway.version) for port in ports):
        return f"is out of reach: it has no IPv{gateway.version} address on network {ports[0].network}"
    return None


def check_route(topology: Topology, name: str, node: NodeSpec, route: Route, where: Where | None) -> Iterator[Problem]:
    """Every problem of one route of the node ``name``, told ``where`` it is written."""
    said = f"node {name}: route {route.text!r}"
    unknown = [way.dev for way in route.ways if way.dev is not None and way.dev not in (*node.interfaces, "lo")]
    if unknown:
        mend = f"give {name} an interface {unknown[0]}, or leave the line out"
        yield Problem(f"{said} names no interface of it", where, mend)
        return
    if is_made(route, node.interfaces):
        return
    if (route.table or 0) >= NAMED_TABLES and all(rule.table != route.table for rule in node.rules):
        yield Problem(f"{said}: no rule looks its table up", where, "is its name right? A rule says `lookup` and the same name")
    if why := _not_the_kernels(node, route):
        what, _, mend = why.partition("\n")
        yield Problem(f"{said}: {what}", where, mend)
        return
    for way in route.ways:
        if why := _leads_nowhere(topology, node, route, way):
            what, _, mend = why.partition("\n")
            yield Problem(f"{said}{what}", where, mend)
    if route.src is not None and not _is_own(node, route.src):
        mend = f"the node's own packets would leave with it: give it to one of {name}'s interfaces, or leave `src` out"
        yield Problem(f"{said}: {route.src} is no address of {name}", where, mend)


def _not_the_kernels(node: NodeSpec, route: Route) -> str | None:
    """Why a route that only the kernel makes is not one of this node's; None where it is not such a one."""
    alone = route.destination.prefixlen == route.destination.max_prefixlen
    if route.by_kernel and route.kind == "local" and alone and route.table == TABLES["local"]:
        return f"{route.destination.network_address} is no address of {route.dev}; write it at the interface"
    if route.kind == "anycast":
        return "only the kernel makes an anycast route\nleave the line out"
    interface = node.interfaces.get(route.dev or "")
    first = first_of(route, interface) if interface is not None else None
    if first is not None and route.src is not None:
        return f"the first address of {route.dev} in {route.destination} is {first.ip}; write {route.src} before it"
    return None


def _leads_nowhere(topology: Topology, node: NodeSpec, route: Route, way: Hop) -> str | None:
    """Why one way of a route leads nowhere; None where it leads somewhere."""
    if way.via is not None and way.via.is_link_local and way.via.version == 6:
        return _no_link_local(topology, node, way)
    if way.via is not None:
        why = not_next_to(topology, node, way.via)
        return None if why is None else f": the gateway {way.via} {why}"
    if way.dev in node.interfaces and not node.addresses(route.family):
        return f" is of IPv{route.family}, which {way.dev} has no address of"
    return None


def _no_link_local(topology: Topology, node: NodeSpec, way: Hop) -> str | None:
    """Why a link-local gateway is not there; None where a neighbour has it, or none is asked."""
    interface = node.interfaces.get(way.dev or "")
    if interface is None:
        return f": the gateway {way.via} is link-local: say by which interface, `dev INTERFACE`"
    if not node.addresses(6):
        return f": the gateway {way.via} is of IPv6, which the node has no address of"
    if topology.is_point_to_point(interface.network):
        return None
    ports = [port for _, _, port in topology.on_network(interface.network) if port is not interface]
    if any(str(way.via) in port.link_locals for port in ports):
        return None
    return (
        f": the gateway {way.via} cannot be used: link-local, and nobody on network {interface.network} is known to have it"
        f"\nsay at its interface `link-local: {way.via}`, or `mac:` where the address was made of its MAC"
    )


def _is_own(node: NodeSpec, address: Address) -> bool:
    if address in node.addresses(address.version) or node.anyip is True:
        return True
    prefixes = () if isinstance(node.anyip, bool) else node.anyip
    local = (route.destination for route in node.routes if route.kind == "local" and route.table == TABLES["local"])
    return any(address in prefix for prefix in (*prefixes, *local))


def check_rule(name: str, node: NodeSpec, rule: RoutingRule, where: Where | None) -> Iterator[Problem]:
    """Every problem of one routing rule of the node ``name``, told ``where`` it is written."""
    for word in (rule.iif, rule.oif):
        if word is not None and word not in (*node.interfaces, *rule.detached, "lo"):
            yield Problem(f"node {name}: rule {rule.text!r} names no interface of it", where)
    if any(other is not rule and replace(other, text=rule.text, item=rule.item) == rule for other in node.rules):
        what = f"node {name}: rule {rule.text!r} stands twice"
        yield Problem(what, where, "leave one out; where `ip -6 rule` printed it, put that command above its lines")
    if rule.table >= NAMED_TABLES and all(route.table != rule.table for route in node.routes):
        mend = "is its name right? A route says `table` and the same name"
        yield Problem(f"node {name}: rule {rule.text!r}: no route is in the table that it looks up", where, mend)
    there = {other.priority for other in node.rules} | {0, 32766, 32767}
    if rule.action == "goto" and rule.goto not in there and "[unresolved]" not in rule.text:
        yield Problem(f"node {name}: rule {rule.text!r}: no rule has pref {rule.goto}, which it goes to", where)
