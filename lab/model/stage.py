"""Where packets come in at one node, from whom, and where they go: what the lab can send, as far as a topology tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from lab.ruleset.addresses import NOBODYS, Addresses, every, less, of_hosts, of_networks, together
from lab.written.interface import Interface
from lab.written.routing import TABLES, Hop, Route, RoutingRule
from lab.written.topology import Topology
from lab.written.words import Network

_NOWHERE = ("blackhole", "unreachable", "prohibit")


@dataclass(frozen=True, slots=True)
class Entrance:
    """What ``sender`` can send from ``sources`` so that it enters by ``interface``; ``hosts`` are addresses that nodes have.

    ``beside`` are addresses that it reaches without the node.
    """

    interface: str
    sender: str
    sources: Addresses
    hosts: Addresses = ()
    beside: Addresses = ()


@dataclass(frozen=True, slots=True)
class Lookup:
    """One routing rule: packets with a ``mark`` (value, mask), between these addresses, entering by ``entered``, look here.

    ``ways`` are prefixes, as first and last address, with the interface that they lead out by, None for nowhere; the first
    that holds an address counts.
    """

    ways: tuple[tuple[int, int, str | None], ...]
    mark: tuple[int, int] | None = None
    sources: Addresses | None = None
    destinations: Addresses | None = None
    entered: str | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """The surroundings of ``node``: ``own`` are its addresses by interface, ``lookups`` its routing rules in their order.

    ``hosts`` are the addresses of other nodes, ``unaskable`` those that are many's or nobody's, where no flow is sent to or
    comes from.
    """

    node: str
    family: int
    own: Mapping[str, Addresses]
    entrances: tuple[Entrance, ...]
    lookups: tuple[Lookup, ...]
    hosts: Addresses = ()
    unaskable: Addresses = ()


def stage_of(topology: Topology, node: str, family: int) -> Stage:
    """The surroundings of a node of a topology."""
    return _Setting(topology, node, family).stage()


class _Setting:
    """A topology as one node sees it."""

    def __init__(self, topology: Topology, node: str, family: int) -> None:
        self._topology, self._node, self._family = topology, node, family
        self._spec = topology.nodes[node]
        self._networks = of_networks((net for prefixes in topology.networks.values() for net in prefixes), family)

    def stage(self) -> Stage:
        family = self._family
        own = {
            name: tuple((int(address.ip), int(address.ip)) for address in port.of_family(family))
            for name, port in self._spec.interfaces.items()
        }
        others = (spec for name, spec in self._topology.nodes.items() if name != self._node)
        hosts = of_hosts((address for spec in others for address in spec.addresses(family)), family)
        mine = together(one for ranges in own.values() for one in ranges)
        unaskable = self._unaskable()
        lookups = tuple(self._lookups())
        entrances = tuple(
            Entrance(one.interface, one.sender, sources, one.hosts, one.beside)
            for one in self._entrances(lookups) if (sources := less(one.sources, together((*mine, *unaskable))))
        )  # fmt: skip
        return Stage(self._node, family, own, entrances, lookups, hosts, unaskable)

    def _unaskable(self) -> Addresses:
        networks = (net for prefixes in self._topology.networks.values() for net in prefixes)
        wide = (net for net in networks if net.version == 4 and net.prefixlen < 31)
        ends = of_hosts((end for net in wide for end in (net.network_address, net.broadcast_address)), self._family)
        return together((*NOBODYS[self._family], *ends))

    def _entrances(self, lookups: tuple[Lookup, ...]) -> Iterator[Entrance]:
        taken: set[str] = {self._node}
        for ifname, port in self._spec.interfaces.items():
            members = [
                (name, other) for name, _, other in self._topology.on_network(port.network)
                if name != self._node and other.of_family(self._family)
            ]  # fmt: skip
            beside = self._prefixes(port.network)
            all_hosts = together(one for _, other in members for one in self._hosts(other))
            for place, (name, other) in enumerate(members):
                taken.add(name)
                hosts = self._hosts(other)
                yield Entrance(ifname, name, hosts, hosts, beside)
                if place == 0:
                    yield Entrance(ifname, name, less(beside, all_hosts), (), beside)
                beyond = less(self._anyip(name), self._networks)
                if beyond:
                    yield Entrance(ifname, name, beyond, (), beside)
        for name, spec in self._topology.nodes.items():
            for address in spec.addresses(self._family) if name not in taken else ():
                number = int(address)
                way = next((name for lookup in lookups if lookup.mark is None and lookup.sources is None
                            for low, high, name in lookup.ways if low <= number <= high), None)  # fmt: skip
                if way is not None:
                    yield Entrance(way, name, ((number, number),), ((number, number),))

    def _prefixes(self, network: str) -> Addresses:
        return of_networks(self._topology.networks[network], self._family)

    def _hosts(self, interface: Interface) -> Addresses:
        return of_hosts((address.ip for address in interface.addresses), self._family)

    def _anyip(self, name: str) -> Addresses:
        anyip = self._topology.nodes[name].anyip
        if isinstance(anyip, bool):
            return every(self._family) if anyip else ()
        return of_networks(anyip, self._family)

    def _lookups(self) -> Iterator[Lookup]:
        tables = self._tables()
        rules = [rule for rule in self._spec.rules if rule.family in (None, self._family) and not rule.is_stock]
        ordered = sorted(rules, key=lambda rule: rule.priority if rule.priority is not None else 32765)
        for rule in ordered:
            if rule.action in ("lookup", *_NOWHERE) and not _is_odd(rule):
                yield self._lookup(rule, tables.get(rule.table, ()))
        for name in ("main", "default"):
            yield Lookup(tuple(_range(way) for way in tables.get(TABLES[name], ())))

    def _lookup(self, rule: RoutingRule, table: tuple[tuple[Network, str | None], ...]) -> Lookup:
        if rule.action != "lookup":
            table = ((ip_network("0.0.0.0/0" if self._family == 4 else "::/0"), None),)
        least = -1 if rule.suppress is None else rule.suppress
        ways = tuple(_range(way) for way in table if way[0].prefixlen > least)
        mark = None if rule.fwmark is None else (rule.fwmark, 2**32 - 1 if rule.mask is None else rule.mask)
        return Lookup(ways, mark, _ranges(rule.source), _ranges(rule.destination), rule.iif)

    def _tables(self) -> dict[int, tuple[tuple[Network, str | None], ...]]:
        """The prefixes of each table and the interfaces that they lead out by, the longest first."""
        found: dict[int, list[tuple[int, int, Network, str | None]]] = {}
        main = found.setdefault(TABLES["main"], [])
        for name, port in self._spec.interfaces.items():
            main += [(-one.network.prefixlen, 0, one.network, name) for one in port.of_family(self._family)]
        for route in self._spec.routes:
            if route.family == self._family and route.kind in ("unicast", *_NOWHERE):
                row = (-route.destination.prefixlen, route.metric or 0, route.destination, self._way(route))
                found.setdefault(TABLES["main"] if route.table is None else route.table, []).append(row)
        gateway = self._topology.next_hop(self._node, self._family)
        if gateway is not None:
            everything = ip_network("0.0.0.0/0" if self._family == 4 else "::/0")
            main.append((0, 0, everything, self._towards(Hop(ip_address(gateway)))))
        return {
            table: tuple((net, name) for _, _, net, name in sorted(rows, key=lambda row: row[:2]))
            for table, rows in found.items()
        }  # fmt: skip

    def _way(self, route: Route) -> str | None:
        return None if route.kind in _NOWHERE or not route.ways else self._towards(route.ways[0])

    def _towards(self, hop: Hop) -> str | None:
        if hop.dev is not None:
            return hop.dev
        for name, port in self._spec.interfaces.items():
            if any(hop.via in one.network for one in port.of_family(self._family)):
                return name
        network = None if hop.via is None else self._topology.network_of(str(hop.via))
        return next((name for name, port in self._spec.interfaces.items() if port.network == network), None)


def _is_odd(rule: RoutingRule) -> bool:
    return bool(
        rule.inverted or rule.oif or rule.tos or rule.uids or rule.protocol or rule.sports or rule.dports or rule.detached
    )


def _range(way: tuple[Network, str | None]) -> tuple[int, int, str | None]:
    return int(way[0].network_address), int(way[0].broadcast_address), way[1]


def _ranges(net: Network | None) -> Addresses | None:
    return None if net is None else of_networks((net,), net.version)
