"""Where the two ends of a question lie: which node sends for an address, and behind which network an address is."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from ipaddress import ip_address
from typing import NamedTuple

from lab.ruleset.addresses import Addresses, of_networks
from lab.study.zones import BEYOND
from lab.written.topology import Topology

OWN = "own"


class ToPlace(NamedTuple):
    """What a packet is on its way to: a node under test itself (``own``), or a network (``net``)."""

    kind: str
    name: str


class Geography:
    """Where addresses of a family lie, as seen by the nodes ``under_test``."""

    def __init__(self, topology: Topology, under_test: Collection[str], family: int) -> None:
        self.topology, self.under_test, self.family = topology, tuple(under_test), family

    def sets(self) -> Iterator[Addresses]:
        """What cuts addresses by where they lie: networks, what nodes stand for, what nodes under test have routes to."""
        for prefixes in self.topology.networks.values():
            yield of_networks(prefixes, self.family)
        for node in self.topology.nodes.values():
            if not isinstance(node.anyip, bool):
                yield of_networks(node.anyip, self.family)
        for name in self.under_test:
            for route in self.topology.nodes[name].routes:
                yield of_networks([route.destination], self.family)

    def senders(self, address: str) -> tuple[tuple[str, str], ...]:
        """(zone, node) of who can send from an address: on its network, or who stands for it, or where its way begins."""
        network = self.topology.network_of(address)
        if network is not None:
            return self._on(network)[:1]
        standing = [
            (port.network, name)
            for name in self.topology.owners(address)
            if name not in self.under_test
            for port in self.topology.nodes[name].interfaces.values()
            if port.of_family(self.family)
        ]
        routed = self._routed(address) if not standing else None
        return tuple(standing) if routed is None else self._on(routed)[:1]

    def _on(self, network: str) -> tuple[tuple[str, str], ...]:
        members = self.topology.on_network(network)
        return tuple(
            (network, node) for node, _, port in members if node not in self.under_test and port.of_family(self.family)
        )

    def _routed(self, address: str) -> str | None:
        """The network that the first node under test which has a way to an address sends it to."""
        for name in self.under_test:
            spec = self.topology.nodes[name]
            fitting = [
                route for route in spec.routes
                if route.table is None and route.kind == "unicast" and ip_address(address) in route.destination
            ]
            if fitting:
                best = max(fitting, key=lambda route: (route.destination.prefixlen, -(route.metric or 0))).ways[0]
                if best.dev in spec.interfaces:
                    return spec.interfaces[best.dev].network
                return None if best.via is None else self.topology.network_of(str(best.via))
            gateway = self.topology.next_hop(name, self.family)
            if gateway is not None:
                return self.topology.network_of(gateway)
        return None

    def place(self, address: str) -> ToPlace | None:
        """What packets to an address are on their way to; None where no node under test has a way there."""
        owner = self.topology.owner(address)
        if owner in self.under_test:
            return ToPlace(OWN, str(owner))
        network = self.topology.network_of(address)
        if network is None and owner is not None:
            zones = [port.network for port in self.topology.nodes[owner].interfaces.values() if port.of_family(self.family)]
            network = zones[0] if len(zones) == 1 else BEYOND
        elif network is None:
            network = BEYOND if self.topology.owners(address) else self._routed(address)
        return None if network is None else ToPlace("net", network)

    def into(self, address: str) -> str:
        """The zone that an address is asked in."""
        return self.topology.network_of(address) or BEYOND

    def entered(self, node: str, zone: str, sender: str) -> tuple[str, ...] | None:
        """The interfaces by which what a sender sends from its zone enters a node; None where that is not sure."""
        own = self._interfaces(node, zone)
        spec = self.topology.nodes[sender]
        gateway = self.topology.next_hop(sender, self.family)
        direct = gateway is None or self.topology.owner(gateway) == node
        return own if own and direct and not spec.routes and not spec.rules else None

    def left(self, node: str, to: ToPlace) -> tuple[str, ...] | None:
        """The interfaces by which a node sends to a place; None where that is not sure."""
        spec = self.topology.nodes[node]
        return None if spec.rules or to.kind == OWN else self._interfaces(node, to.name) or None

    def _interfaces(self, node: str, network: str) -> tuple[str, ...]:
        return tuple(name for name, port in self.topology.nodes[node].interfaces.items() if port.network == network)

    def relevant(self, to: ToPlace) -> Iterator[str]:
        """The nodes under test whose rules may be asked on the way to a place."""
        for name in self.under_test:
            if self.topology.nodes[name].passes_on or to == (OWN, name):
                yield name
