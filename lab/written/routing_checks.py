"""Whether the routes and rules of a node can be on it: their interfaces, their gateways, their sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from typing import NamedTuple

from lab.errors import Problem
from lab.written.kernel_routes import first_of, is_made
from lab.written.routing import TABLES, Hop, Route
from lab.written.tables import NAMED_TABLES
from lab.written.topology import NodeSpec, Topology
from lab.written.words import Address, Network, refused


def not_next_to(topology: Topology, node: NodeSpec, gateway: Address) -> str | None:
    """Why a node cannot send to this gateway directly; None when it can."""
    if why := refused(gateway):
        return f"cannot be used: {why}"
    network = topology.network_of(str(gateway))
    ports = [port for port in node.interfaces.values() if port.network == network]
    if not ports:
        return "is on none of its networks"
    if not any(port.of_family(gateway.version) for port in ports):
        return f"is out of reach: it has no IPv{gateway.version} address on network {ports[0].network}"
    return None


def check_routes(topology: Topology, name: str, node: NodeSpec) -> Iterator[Problem]:
    """Every problem of the routes of the node ``name``."""
    looked_up = {rule.table for rule in node.rules}
    local = {route.destination for route in node.routes if route.kind == "local" and route.table == TABLES["local"]}
    owned = _owned(local | set(() if isinstance(node.anyip, bool) else node.anyip))
    for route in node.routes:
        where = topology.where("nodes", name, "routes", route.item)
        if (route.table or 0) >= NAMED_TABLES and route.table not in looked_up:
            mend = "is its name right? A rule says `lookup` and the same name"
            yield Problem(f"node {name}: route {route.text!r}: no rule looks its table up", where, mend)
        for what, mend in _wrong(topology, name, node, route, owned):
            yield Problem(f"node {name}: route {route.text!r}{what}", where, mend)


class _Owned(NamedTuple):
    """Prefixes that a node has whole, and their (family, length), of which there are few."""

    prefixes: set[Network]
    lengths: set[tuple[int, int]]

    def has(self, address: Address) -> bool:
        fitting = (length for version, length in self.lengths if version == address.version)
        return any(ip_network(f"{address}/{length}", strict=False) in self.prefixes for length in fitting)


def _owned(prefixes: set[Network]) -> _Owned:
    return _Owned(prefixes, {(prefix.version, prefix.prefixlen) for prefix in prefixes})


def _wrong(topology: Topology, name: str, node: NodeSpec, route: Route, owned: _Owned) -> Iterator[tuple[str, str]]:
    """What is wrong with one route, and how to mend it."""
    unknown = [way.dev for way in route.ways if way.dev is not None and way.dev not in (*node.interfaces, "lo")]
    if unknown:
        yield " names no interface of it", f"give {name} an interface {unknown[0]}, or leave the line out"
        return
    if is_made(route, node.interfaces):
        return
    if why := _not_the_kernels(node, route):
        what, _, mend = why.partition("\n")
        yield f": {what}", mend
        return
    for way in route.ways:
        if why := _leads_nowhere(topology, node, route, way):
            what, _, mend = why.partition("\n")
            yield what, mend
    own = route.src is None or route.src in node.addresses(route.src.version) or node.anyip is True
    if not own and route.src is not None and not owned.has(route.src):
        mend = f"the node's own packets would leave with it: give it to one of {name}'s interfaces, or leave `src` out"
        yield f": {route.src} is no address of {name}", mend


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


def check_rules(topology: Topology, name: str, node: NodeSpec) -> Iterator[Problem]:
    """Every problem of the routing rules of the node ``name``."""
    tables = {route.table for route in node.routes}
    prefs = {rule.priority for rule in node.rules} | {0, 32766, 32767}
    times = Counter(replace(rule, text="", item=0) for rule in node.rules)
    for rule in node.rules:
        said, where = f"node {name}: rule {rule.text!r}", topology.where("nodes", name, "rules", rule.item)
        for word in (rule.iif, rule.oif):
            if word is not None and word not in (*node.interfaces, *rule.detached, "lo"):
                yield Problem(f"{said} names no interface of it", where)
        if times[replace(rule, text="", item=0)] > 1:
            mend = "leave one out; where `ip -6 rule` printed it, put that command above its lines"
            yield Problem(f"{said} stands twice", where, mend)
        if rule.table >= NAMED_TABLES and rule.table not in tables:
            mend = "is its name right? A route says `table` and the same name"
            yield Problem(f"{said}: no route is in the table that it looks up", where, mend)
        if rule.action == "goto" and rule.goto not in prefs and "[unresolved]" not in rule.text:
            yield Problem(f"{said}: no rule has pref {rule.goto}, which it goes to", where)
