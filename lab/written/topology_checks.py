"""What no single part of a topology can tell: whether its parts fit together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from lab.errors import Problem
from lab.written.bridge_checks import check_bridges
from lab.written.link_checks import check_links, outside
from lab.written.messages import did_you_mean
from lab.written.programs import check_programs
from lab.written.routing_checks import check_routes, check_rules, not_next_to
from lab.written.topology import NodeSpec, Topology
from lab.written.words import InterfaceAddress, Network, is_address, refused, set_aside


def check_topology(topology: Topology) -> Iterator[Problem]:
    """Every problem of a topology whose parts are each well formed."""
    yield from _empty(topology)
    yield from _networks(topology)
    yield from _addresses(topology)
    yield from check_links(topology)
    for name, node in topology.nodes.items():
        yield from _node(topology, name, node)
    yield from check_programs(topology)
    yield from _names(topology)


def _empty(topology: Topology) -> Iterator[Problem]:
    for word in ("networks", "nodes"):
        if not getattr(topology, word):
            yield Problem(f"the topology has no {word}", topology.where(word))


def _networks(topology: Topology) -> Iterator[Problem]:
    known = [(name, prefix) for name, prefixes in topology.networks.items() for prefix in prefixes]
    for name, prefix in known:
        if why := refused(prefix):
            yield Problem(f"network {name}: {prefix} cannot be used: {why}", topology.where("networks", name))
    for earlier, later in _overlaps([prefix for _, prefix in known]):
        (one, first), (two, second) = known[earlier], known[later]
        yield Problem(f"network {two}: {second} overlaps {first} of network {one}", topology.where("networks", two))


def _overlaps(prefixes: Sequence[Network]) -> list[tuple[int, int]]:
    """The places of every two that overlap; sorted by address, a prefix can only lie in those that reached so far."""
    found: list[tuple[int, int]] = []
    around: list[int] = []
    for place in sorted(range(len(prefixes)), key=lambda place: (prefixes[place].version, prefixes[place])):
        while around and not _overlap(prefixes[around[-1]], prefixes[place]):
            around.pop()
        found += [(min(outer, place), max(outer, place)) for outer in around]
        around.append(place)
    return sorted(found)


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _addresses(topology: Topology) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for name, node in topology.nodes.items():
        for ifname, interface in node.interfaces.items():
            where = topology.where("nodes", name, "interfaces", ifname)
            prefixes = topology.networks.get(interface.network)
            if prefixes is None:
                mend = did_you_mean(interface.network, topology.networks, "the networks")
                yield Problem(f"node {name}: there is no network {interface.network!r}", where, mend)
                continue
            for address in interface.addresses:
                own = str(address.ip)
                if why := refused(address.ip) or _no_host(address):
                    yield Problem(f"node {name}: {own} cannot be used: {why}", where)
                elif not any(address.ip in prefix for prefix in prefixes):
                    yield from outside(topology, name, interface.network, address, where)
                if own in seen:
                    yield Problem(f"node {name}: {own} is the address of node {seen[own]} already", where)
                seen[own] = name


def _no_host(address: InterfaceAddress) -> str | None:
    network = address.network
    if address.version == 4 and network.prefixlen < 31 and address.ip in (network[0], network[-1]):
        return f"it is the {'network' if address.ip == network[0] else 'broadcast'} address of {network}"
    if address.version == 6 and network.prefixlen < 127 and address.ip == network[0]:
        return f"it means any router of {network} (the Subnet-Router anycast address, RFC 4291)"
    return None


def _node(topology: Topology, name: str, node: NodeSpec) -> Iterator[Problem]:
    yield from _gateways(topology, name, node)
    yield from check_routes(topology, name, node)
    yield from check_rules(topology, name, node)
    yield from _anyip(topology, name, node)
    yield from _same_as(topology, name, node)
    yield from check_bridges(topology, name, node)


def _anyip(topology: Topology, name: str, node: NodeSpec) -> Iterator[Problem]:
    for index, prefix in enumerate(() if isinstance(node.anyip, bool) else node.anyip):
        where = topology.where("nodes", name, "anyip", index)
        inside = next(
            network
            for network, prefixes in (*topology.networks.items(), (None, [prefix]))
            if any(own.version == prefix.version and prefix.subnet_of(own) for own in prefixes)  # type: ignore[arg-type]
        )
        if inside is not None and not any(interface.network == inside for interface in node.interfaces.values()):
            what = f"node {name}: {prefix} lies inside network {inside}, which it is not on: who is asked for it there?"
            yield Problem(what, where, f"give it an interface on {inside}, or let a node that has one stand for {prefix}")
        elif why := set_aside(prefix):
            yield Problem(f"node {name}: {prefix} cannot be used: {why}", where)
        elif not node.addresses(prefix.version) and node.interfaces:
            what = f"node {name} cannot stand for {prefix}: it has no IPv{prefix.version} address to be reached by"
            yield Problem(what, where, f"give it an IPv{prefix.version} address on one of its networks")


def _same_as(topology: Topology, name: str, node: NodeSpec) -> Iterator[Problem]:
    if node.same_as is None:
        return
    where = topology.where("nodes", name, "same-as")
    first = topology.nodes.get(node.same_as)
    if first is None:
        mend = did_you_mean(node.same_as, topology.nodes, "the nodes")
        yield Problem(f"node {name}: there is no node {node.same_as!r} to be the same as", where, mend)
    elif first.same_as is not None or node.same_as == name:
        what = "it is the node itself" if node.same_as == name else f"{node.same_as} has `same-as` too"
        yield Problem(f"node {name}: {what}", where, "name the one node that all others are the same as")
    elif not (node.anyip and first.anyip):
        what = f"node {name}: {node.same_as if node.anyip else name} stands for nobody: the two cannot stand for the same"
        yield Problem(what, where, "give both `anyip`")


def _gateways(topology: Topology, name: str, node: NodeSpec) -> Iterator[Problem]:
    if not node.interfaces:
        mend = "interfaces: {NETWORK: ADDRESS}"
        yield Problem(f"node {name} has no interfaces: nothing can reach it", topology.where("nodes", name), mend)
    for word in node.via:
        where = topology.where("nodes", name, "via")
        if is_address(word):
            if why := not_next_to(topology, node, ip_address(word)):
                yield Problem(f"node {name}: its gateway {word} {why}", where)
        elif word not in topology.nodes:
            mend = did_you_mean(word, topology.nodes, "the nodes")
            yield Problem(f"node {name}: there is no node {word!r} to go via", where, mend)
        elif word == name:
            yield Problem(f"node {name} cannot be its own gateway", where)
        elif not _neighbours(topology, name, word):
            yield Problem(f"node {name}: it shares no network with {word}, which it goes via", where)


def _neighbours(topology: Topology, one: str, other: str) -> bool:
    """Whether they share a network; also when one has no known network at all, which is told elsewhere."""
    first, second = (
        {port.network for port in topology.nodes[node].interfaces.values()} & topology.networks.keys()
        for node in (one, other)
    )
    return bool(first & second) or not first or not second


def _names(topology: Topology) -> Iterator[Problem]:
    for name, addresses in topology.names.items():
        where = topology.where("names", name)
        for address in addresses:
            if why := refused(address):
                yield Problem(f"name {name}: {address} cannot be used: {why}", where)
        if name in topology.nodes:
            yield Problem(f"{name!r} is a node already, so it cannot be a name for addresses", topology.where("names", name))
