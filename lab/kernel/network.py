"""A topology that is up: its nodes, its links, its hidden nodes, and the fences that tell when it rests."""

from __future__ import annotations

import socket as sockets
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from types import MappingProxyType

from pyroute2 import IPRoute

from lab.kernel import addressing
from lab.kernel.baseline import baseline, of_interface, write_sysctls
from lab.kernel.crossings import diameter
from lab.kernel.limits import raise_file_limit
from lab.kernel.namespace import Home
from lab.kernel.neighbours import add_permanent
from lab.kernel.node import Node
from lab.kernel.readiness import Readiness
from lab.kernel.rest import Fence
from lab.kernel.wiring import End, Wiring
from lab.spec.topology import NodeSpec, Topology

_UNRESOLVED = 0x01 | 0x20  # NUD_INCOMPLETE, NUD_FAILED
_EVERYWHERE = [ip_network("0.0.0.0/0"), ip_network("::/0")]
_FAMILIES = {4: sockets.AF_INET, 6: sockets.AF_INET6}


class Network:
    """Builds ``topology`` and holds it until `close`; a failure half-way leaves nothing behind.

    ``meanwhile`` is called with the nodes when they exist and have no links yet: what it starts goes on beside the wiring.
    """

    def __init__(self, topology: Topology, meanwhile: Callable[[Mapping[str, Node]], None] | None = None) -> None:
        self.topology = topology
        raise_file_limit(needed=64 + 16 * len(topology.nodes))
        with ExitStack() as undo:
            self.home = Home()
            undo.callback(self.home.close)
            self._nodes: dict[str, Node] = {}
            self._wiring = Wiring(self.home)
            undo.callback(self._close_nodes)
            self._make_nodes()
            if meanwhile is not None:
                meanwhile(self.nodes)
            self._connect()
            self.fence = Fence(self.home, self._wiring)
            undo.callback(self.fence.close)
            self._bring_up()
            self.fence.open()
            self._undo = undo.pop_all()

    @property
    def nodes(self) -> Mapping[str, Node]:
        """The nodes by name, in the topology's order."""
        return MappingProxyType(self._nodes)

    @cached_property
    def families(self) -> tuple[int, ...]:
        """The families that some node has addresses of."""
        return tuple(family for family in (4, 6) if any(spec.addresses(family) for spec in self.topology.nodes.values()))

    @property
    def fences_to_rest(self) -> int:
        """How many fences bring the network to rest.

        Twice the diameter bounds the way of a packet that a gateway turns round; a request, its answer and the answer to
        that are three ways.  An IPv6 neighbour may have to be asked for on each link, there and back.
        """
        solicitations = 4 * self._diameter if 6 in self.families else 0
        return 3 * 2 * self._diameter + 2 + solicitations

    def rest(self) -> None:
        """Return when no packet is under way; raises MeasurementError when that cannot be reached."""
        self.fence.pass_by(self.fences_to_rest)

    def unresolved_neighbours(self) -> tuple[tuple[str, str], ...]:
        """(node, address) of neighbours that somebody asked for and nobody has; the question is forgotten.

        Left as they are, the kernel's error would come three seconds later, into another probe.
        """
        found = []
        for node in self._nodes.values():
            with node.netlink() as route:
                for family in self.families:
                    for entry in route.get_neighbours(family=_FAMILIES[family]):
                        if entry["state"] & _UNRESOLVED and entry["ifindex"] != 1:
                            address = entry.get_attr("NDA_DST")
                            route.neigh("del", dst=address, ifindex=entry["ifindex"], family=_FAMILIES[family])
                            found.append((node.name, address))
        return tuple(found)

    def close(self) -> None:
        """Take everything down."""
        self._undo.close()

    def _make_nodes(self) -> None:
        for name, spec in self.topology.nodes.items():
            node = Node(name, self.home)
            self._nodes[name] = node
            values = baseline(forwards=spec.forwards, ipv6=bool(spec.addresses(6)), anyip=bool(spec.anyip))
            values |= {key: value for key, value in spec.sysctls.items() if not of_interface(key, spec.interfaces)}
            node.sysctls = write_sysctls(name, node.namespace, values)

    def _connect(self) -> None:
        weights = {}
        for network in self.topology.networks:
            ends = [
                End(self._nodes[name], interface, tuple(str(address) for address in spec.addresses))
                for name, interface, spec in self.topology.on_network(network)
            ]
            if ends:
                self._wiring.connect(network, ends)
                weights[network] = 2 if len(ends) > 2 else 1
        self._diameter = diameter(self.topology, weights)

    def _bring_up(self) -> None:
        hidden = [*self._wiring.bridges, *self.fence.nodes]
        with Readiness([*self._nodes.values(), *hidden]) as readiness:
            for number, node in enumerate(self.fence.nodes):
                with node.netlink() as netlink:
                    self._wiring.number(node, netlink)
                    addressing.bring_up(node, netlink, {"fence": [f"169.254.7.{number + 1}/30"]})
            for name, spec in self.topology.nodes.items():
                with self._nodes[name].netlink() as netlink:
                    self._wiring.number(self._nodes[name], netlink)
                    self._configure(self._nodes[name], netlink, spec)
            for node in self._nodes.values():
                self._know_neighbours(node)
            readiness.wait()

    def _configure(self, node: Node, netlink: IPRoute, spec: NodeSpec) -> None:
        addresses = {name: [str(address) for address in port.addresses] for name, port in spec.interfaces.items()}
        addressing.bring_up(node, netlink, addresses)
        families = [family for family in (4, 6) if spec.addresses(family)]
        hops = [hop for family in families if (hop := self.topology.next_hop(node.name, family)) is not None]
        addressing.add_routes(node, netlink, hops, spec.routes, spec.rules, families)
        if spec.anyip:
            for family in families:
                addressing.stand_for(node, netlink, [prefix for prefix in _prefixes(spec) if prefix.version == family])
        own = {key: value for key, value in spec.sysctls.items() if of_interface(key, spec.interfaces)}
        node.sysctls |= write_sysctls(node.name, node.namespace, own)

    def _know_neighbours(self, node: Node) -> None:
        """Permanent IPv4 entries, so that no packet waits for an address to be resolved.

        None for IPv6: there the asking goes through the rules, and a policy that breaks it must be seen.
        """
        add_permanent(
            node.namespace,
            (
                (port.index, address, other.mac)
                for port in node.ports.values()
                for name, interface, _ in self.topology.on_network(port.network)
                if name != node.name
                for other in [self._nodes[name].ports[interface]]
                for address in other.addresses
                if ip_address(address).version == 4
            ),
        )

    def _close_nodes(self) -> None:
        for node in [*self._nodes.values(), *self._wiring.bridges]:
            node.close()


def _prefixes(spec: NodeSpec) -> list[IPv4Network | IPv6Network]:
    return _EVERYWHERE if isinstance(spec.anyip, bool) else list(spec.anyip)
