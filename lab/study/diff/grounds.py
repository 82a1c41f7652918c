"""From where and to where flows can be sent past a node: one sender and one target for each network, and for each address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from ipaddress import ip_address
from typing import NamedTuple

from lab.ruleset.addresses import address_of
from lab.study.ends import Geography
from lab.study.sources import NEVER
from lab.written.topology import Topology

_BEYOND = {4: ("192.0.2.77", "198.18.0.77", "11.22.33.44"), 6: ("2001:db8:ffff::77", "2001:db8:fffe::77", "2600::77")}
"""Addresses that few topologies have: for documentation, for benchmarks, of others."""


class Origin(NamedTuple):
    """Who sends, from which address."""

    node: str
    source: str


class Grounds:
    """The surroundings of ``node`` in a topology, for packets of a family."""

    def __init__(self, topology: Topology, node: str, family: int) -> None:
        self.topology, self.node, self.family = topology, node, family
        self._geography = Geography(topology, (node,), family)
        # the same few addresses are asked for with every rule
        self._owner = cache(topology.owner)
        self._network = cache(topology.network_of)
        self._allowed = cache(lambda address: not any(ip_address(address) in never for never in NEVER))
        self._zones = cache(lambda name: frozenset(port.network for port in topology.nodes[name].interfaces.values()))

    @cached_property
    def own(self) -> tuple[str, ...]:
        """The node's own addresses."""
        return self.topology.addresses(self.node, self.family)

    @cached_property
    def origins(self) -> tuple[Origin, ...]:
        """One sender of each network, and who stands for others; the node itself last."""
        found: dict[str, Origin] = {}
        for name, spec in self.topology.nodes.items():
            if name == self.node:
                continue
            for port in spec.interfaces.values():
                addresses = port.of_family(self.family)
                if addresses:
                    found.setdefault(port.network, Origin(name, str(addresses[0].ip)))
        beyond = [origin for address in self._beyond for origin in self.from_address(address)]
        local = [Origin(self.node, address) for address in self.own[:1]]
        return tuple(dict.fromkeys((*found.values(), *beyond, *local)))

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """The node's own addresses, one of a host in each network, and one that lies beyond."""
        hosts: dict[str, str] = {}
        for name, spec in self.topology.nodes.items():
            for port in spec.interfaces.values() if name != self.node else ():
                addresses = port.of_family(self.family)
                if addresses:
                    hosts.setdefault(port.network, str(addresses[0].ip))
        return tuple(dict.fromkeys((*self.own, *hosts.values(), *self._beyond)))

    @cached_property
    def _beyond(self) -> tuple[str, ...]:
        return tuple(address for address in _BEYOND[self.family] if self.topology.owners(address))[:1]

    def from_address(self, address: str, entered: Sequence[str] = ()) -> Iterator[Origin]:
        """Who can send from an address; by one of the interfaces ``entered``, where such are said, if need be as another."""
        if not self._allowed(address) or not self.topology.can_send(address):
            return
        owner = self._owner(address)
        if owner == self.node:
            yield Origin(self.node, address)
            return
        behind = self._networks(entered)
        for zone, name in self._geography.senders(address):
            if not entered or zone in behind:
                yield Origin(name, address)
                return
        for origin in self.origins if entered else ():
            if self.enters(origin, entered):
                yield Origin(origin.node, address)
                return

    def enters(self, origin: Origin, interfaces: Sequence[str]) -> bool:
        """Whether a sender is on the network of one of these interfaces of the node."""
        return origin.node != self.node and not self._networks(interfaces).isdisjoint(self._zones(origin.node))

    def leaves(self, target: str, interfaces: Sequence[str]) -> bool:
        """Whether what is sent to an address may leave by one of these interfaces."""
        place = self._geography.place(target)
        return place is None or place.name in self._networks(interfaces) or place.name == "beyond"

    def passes(self, origin: Origin, target: str) -> bool:
        """Whether what a sender sends to an address comes to the node: what stays inside a network does not."""
        if origin.source == target or origin.node == self._owner(target):
            return False
        return origin.node == self.node or self.is_local(target) or self._network(target) not in self._zones(origin.node)

    def is_local(self, target: str) -> bool:
        """Whether an address is the node's own."""
        return target in self.own

    def to_address(self, number: int) -> str | None:
        """An address as text, if packets can be sent to it."""
        address = address_of(number, self.family)
        text = str(address)
        return text if self._allowed(text) and text not in self.topology.broadcasts else None

    def _networks(self, interfaces: Sequence[str]) -> frozenset[str]:
        own = self.topology.nodes[self.node].interfaces
        return frozenset(own[name].network for name in interfaces if name in own)
