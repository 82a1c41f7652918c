"""A topology that is up: its nodes, its links, its hidden nodes, and the fences that tell when it rests."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from ipaddress import ip_address
from types import MappingProxyType

from lab.errors import InputError, MachineError, Problem
from lab.kernel.ground.limits import descriptors, in_use, raise_file_limit
from lab.kernel.ground.namespace import Home
from lab.kernel.ground.rtnetlink import carry_out
from lab.kernel.stage import addressing, bridging
from lab.kernel.stage.altering import Altering
from lab.kernel.stage.baseline import baseline, of_interface, write_sysctls
from lab.kernel.stage.crossings import diameter
from lab.kernel.stage.handles import NetworkHandles, handle_of, handle_of_bridge, open_namespace
from lab.kernel.stage.neighbours import add_permanent, entry, forget_unresolved
from lab.kernel.stage.node import Node
from lab.kernel.stage.programs import Programs
from lab.kernel.stage.readiness import wait_until_up
from lab.kernel.stage.refusals import Told
from lab.kernel.stage.rest import Fence
from lab.kernel.stage.standing import Standing
from lab.kernel.stage.wiring import LinkEnd, Wiring
from lab.record.observation import Unresolved
from lab.written import kernel_routes
from lab.written.topology import NodeSpec, Topology
from lab.written.words import Network as Prefix


class Network:
    """Builds ``topology`` and holds it until `close`; a failure half-way leaves nothing behind.

    ``meanwhile`` is called with each node as soon as its baseline is written, before it has links: what it starts goes on
    beside the building.  ``ruled`` are the nodes that rulesets are loaded into.  With ``adopted`` it is what another process
    built, and stays when this one lets it go.
    """

    def __init__(
        self, topology: Topology, meanwhile: Callable[[Node], None] | None = None, ruled: Collection[str] = (), *,
        adopted: NetworkHandles | None = None,
    ) -> None:  # fmt: skip
        self.topology = topology
        self._standing = Standing(topology)
        self._programs: Programs | None = None
        self.serve: Callable[[], bool] | None = None
        """Answers what waits in the queues of user space that the lab reads, if it reads any; whether there was something."""
        self._ruled = {*(ruled if adopted is None else adopted.ruled)}
        raise_file_limit(in_use() + descriptors(topology, ruled))
        with ExitStack() as undo:
            self.home = Home()
            undo.callback(self.home.close)
            self._nodes: dict[str, Node] = {}
            self._wiring = Wiring(self.home)
            undo.callback(self._close_nodes)
            if adopted is None:
                self._build(meanwhile)
            else:
                self._adopt(adopted)
            self.fence = Fence(self.home, self._wiring)
            undo.callback(self.fence.close)
            self.fence.bring_up()
            if adopted is None:
                self._bring_up()
            wait_until_up(self.fence.nodes)
            self.fence.open()
            self._undo = undo.pop_all()
        self.altering = Altering(self)

    @classmethod
    def adopt(cls, topology: Topology, handles: NetworkHandles) -> Network:
        """The network that another process built of ``topology`` and holds; its fences are this process's own.

        Raises InputError when the handles are of another topology, MachineError when they cannot be opened.
        """
        return cls(topology, adopted=handles)

    @property
    def handles(self) -> NetworkHandles:
        """What another process needs to adopt this network while this one holds it."""
        return NetworkHandles(
            pid=os.getpid(), diameter=self._diameter, ruled=tuple(sorted(self._ruled)),
            nodes=tuple(map(handle_of, self._nodes.values())), bridges=tuple(map(handle_of_bridge, self._wiring.bridges)),
        )  # fmt: skip

    def _build(self, meanwhile: Callable[[Node], None] | None) -> None:
        for name in self.topology.nodes:
            self._nodes[name] = Node(name, self.home)
        for name, spec in self.topology.nodes.items():
            self._prepare(self._nodes[name], spec)
            if meanwhile is not None:
                meanwhile(self._nodes[name])
        self._connect()

    def _adopt(self, handles: NetworkHandles) -> None:
        expected = {name: set(spec.devices) for name, spec in self.topology.nodes.items()}
        told = {handle.name: {port.name for port in handle.ports} for handle in handles.nodes}
        if told != expected or len(told) != len(handles.nodes):
            raise InputError(Problem(f"these handles are of another topology than {self.topology.topology}"))
        for bridge in handles.bridges:
            self._wiring.bridges.append(Node(bridge.name, self.home, open_namespace(handles.pid, bridge)))
        for handle in handles.nodes:
            node = self._nodes[handle.name] = Node(handle.name, self.home, open_namespace(handles.pid, handle))
            node.ports = {port.name: port for port in handle.ports}
            node.sysctls = dict(handle.sysctls)
        self._diameter = handles.diameter

    def rule(self, name: str) -> None:
        """Get a node ready for rulesets, if it was built without any."""
        if name not in self._ruled:
            self._ruled.add(name)
            if self.topology.nodes[name].addresses(6):
                self._nodes[name].keep_quiet(ruled=True, instead=True)

    @property
    def nodes(self) -> Mapping[str, Node]:
        """The nodes by name, in the topology's order."""
        return MappingProxyType(self._nodes)

    @property
    def bridges(self) -> Sequence[Node]:
        """The hidden nodes, each with a bridge."""
        return self._wiring.bridges

    @cached_property
    def families(self) -> tuple[int, ...]:
        """The families that some node has addresses of."""
        return tuple(family for family in (4, 6) if any(spec.addresses(family) for spec in self.topology.nodes.values()))

    @cached_property
    def _asks(self) -> bool:
        """Whether IPv4 neighbours are asked for, as somebody stands for addresses of a network."""
        return any(_stands_in(self.topology, name, spec) for name, spec in self.topology.nodes.items())

    @property
    def diameter(self) -> int:
        """The most links between any two nodes, or a bound of it."""
        return self._diameter

    @property
    def fences_to_rest(self) -> int:
        """How many fences bring the network to rest.

        Twice the diameter bounds the way of a packet that a gateway turns round; a request, its answer and the answer to
        that are three ways.  An IPv6 neighbour may have to be asked for on each link, there and back; so may an IPv4 address
        that nobody has, where somebody stands for it.
        """
        solicitations = 4 * self._diameter if 6 in self.families or self._asks else 0
        return 3 * 2 * self._diameter + 2 + solicitations

    def rest(self) -> None:
        """Return when no packet is under way; raises MeasurementError when that cannot be reached."""
        self.fence.pass_by(self.fences_to_rest)
        while self.serve is not None and self.serve():
            self.fence.pass_by(self.fences_to_rest)

    def start_programs(self) -> Programs:
        """Start the programs of the topology's nodes, once its rules are in force."""
        self._programs = Programs(self.topology, self._nodes)
        return self._programs

    def restart_programs(self, name: str) -> None:
        """End those of a node, if this process started them, and start them again."""
        if self._programs is not None:
            self._programs.restart(name)

    def take_on(self, addresses: Iterable[str]) -> None:
        """Have who stands for ``addresses`` of a network be asked for them; a `MeasurementError` where it cannot be."""
        self._standing.take_on(self._nodes, addresses)

    def unresolved_neighbours(
        self, nodes: Collection[str] | None = None, families: Sequence[int] | None = None
    ) -> tuple[Unresolved, ...]:
        """The neighbours that ``nodes`` asked for and that did not answer, by default of all families; they are forgotten.

        Left as they are, the kernel's error would come three seconds later, into another probe.  By default all nodes are
        looked at, each for as long as the neighbours of all the machine take.
        """
        found = []
        for name in self._nodes if nodes is None else nodes:
            node = self._nodes[name]
            for index, address in forget_unresolved(node.namespace, self.families if families is None else families):
                found.append(Unresolved(name, address, self._owner_near(node, index, address)))
        return tuple(found)

    def _owner_near(self, node: Node, index: int, address: str) -> str | None:
        """The node that has ``address`` on the network behind an interface, unless the topology switches IPv6 off there."""
        port = node.ports.get(node.port_name(index) or "")
        if port is None:
            return None
        wanted = ip_address(address)
        # what lies beyond is behind who stands for it, and no neighbour of anybody
        inside = self.topology.network_of(address) == port.network
        for name, interface, spec in self.topology.on_network(port.network):
            if any(own.ip == wanted for own in spec.addresses) or (inside and self.topology.stands_for(name, wanted)):
                off = wanted.version == 6 and _switched_off(self._nodes[name], interface)
                return None if off else name
        return None

    def close(self) -> None:
        """Take everything down."""
        self._undo.close()

    def _prepare(self, node: Node, spec: NodeSpec) -> None:
        """What must be there before the node's first link and before its first rule.

        A rule's own module may switch on what it needs (xt_connbytes: ``nf_conntrack_acct``), and that stays as it is.
        """
        values = baseline(forwards=spec.forwards, ipv6=bool(spec.addresses(6)), anyip=bool(spec.anyip))
        if _stands_in(self.topology, node.name, spec):
            values["net.ipv4.conf.all.arp_ignore"] = "0"  # it goes over that of an interface
            # a router may lead back to it what it sent as one host of its network to another behind the same interface
            values["net.ipv4.conf.all.accept_local"] = "1"
        values |= bridging.sysctls(node.name, spec, node.namespace)
        values |= {key: value for key, value in spec.sysctls.items() if not of_interface(key, spec.devices)}
        node.sysctls = write_sysctls(node.name, node.namespace, values, spec.sysctls.keys())
        if spec.addresses(6):
            node.keep_quiet(ruled=node.name in self._ruled)

    def _connect(self) -> None:
        weights = {}
        switches = []
        for name, spec in self.topology.nodes.items():
            for ifname, interface in spec.interfaces.items():
                if interface.bridge:
                    self._wiring.make_bridge(interface.network, self._end(name, ifname))
        for name, segment in self.topology.segments.items():
            ends = [self._end(node, interface) for node, interface in segment.ends]
            if ends:
                point_to_point = self.topology.is_point_to_point(segment.network)
                switch = self._wiring.connect(segment.network, ends, point_to_point=point_to_point)
                if switch is not None and name != segment.network:
                    switches.append((segment, switch))
                weights[name] = 2 if len(ends) > 2 else 1
        for segment, switch in switches:
            known = list(bridging.teach(self.topology, self._nodes, segment, switch))
            carry_out(switch.node.name, switch.node.namespace, known, MachineError)
        self._diameter = diameter(self.topology, weights)

    def _end(self, name: str, interface: str) -> LinkEnd:
        spec = self.topology.nodes[name].interfaces.get(interface)
        if spec is None:
            return LinkEnd(self._nodes[name], interface, ())
        addresses = tuple(str(address) for address in spec.addresses)
        return LinkEnd(self._nodes[name], interface, addresses, spec.mac, spec.mtu, spec.link_local)

    def _bring_up(self) -> None:
        bridges = {name: spec for name, spec in self.topology.nodes.items() if spec.bridges}
        for name, spec in bridges.items():
            node = self._nodes[name]
            node.sysctls |= write_sysctls(name, node.namespace, bridging.sysctls_of_ports(spec))
            carry_out(name, node.namespace, list(bridging.ports_up(spec, node)), MachineError)
        for name, spec in self.topology.nodes.items():
            if name not in bridges:
                self._configure(self._nodes[name], spec)
        wait_until_up([self._nodes[name] for name in bridges])
        for name, spec in bridges.items():
            ports = list(bridging.requests(self.topology, self._nodes, name))
            carry_out(name, self._nodes[name].namespace, ports, MachineError)
            self._configure(self._nodes[name], spec)
        for network in self.topology.networks:
            self.know_neighbours(network)
        wait_until_up([*self._nodes.values(), *self._wiring.bridges])

    def _configure(self, node: Node, spec: NodeSpec) -> None:
        addresses = {name: [str(address) for address in port.addresses] for name, port in spec.interfaces.items()}
        families = [family for family in (4, 6) if spec.addresses(family)]
        hops = [hop for family in families if (hop := self.topology.next_hop(node.name, family)) is not None]
        prefixes = [prefix for prefix in _prefixes(spec) if prefix.version in families]
        standing = sorted({prefix.version for prefix in prefixes})
        metrics = {(name, prefix): metric for name, prefix, metric in kernel_routes.metrics(spec.routes, spec.interfaces)}
        requests = [
            *addressing.interfaces(node, addresses, metrics),
            *addressing.routes(node, hops, [one for one in spec.routes if not kernel_routes.is_made(one, spec.interfaces)]),
            *addressing.local_routes(prefixes),
            *addressing.rules(spec.rules, families),
            *addressing.no_local_rule(spec.rules, [family for family in families if family not in standing]),
            *addressing.stand_for(node, standing, *self._stood_for(node.name, spec)),
        ]
        carry_out(node.name, node.namespace, requests, told=Told(self.topology))
        standing_in = _stands_in(self.topology, node.name, spec)
        own = {
            f"net.ipv4.conf.{name}.arp_ignore": "1"
            for name, port in spec.interfaces.items() if standing_in and port.network not in standing_in
        } | {key: value for key, value in spec.sysctls.items() if of_interface(key, spec.devices)}  # fmt: skip
        node.sysctls |= write_sysctls(node.name, node.namespace, own, own.keys())

    def _stood_for(self, name: str, spec: NodeSpec) -> tuple[list[Prefix], list[str]]:
        """The prefixes of its own networks that a node stands for, and the addresses there that others have."""
        near = {
            (port.network, family) for port in spec.interfaces.values() for family in (4, 6)
            if self.topology.stands_in(name, port.network, family)
        }  # fmt: skip
        inside = [prefix for network, family in near for prefix in self.topology.stood_for(name, network, family)]
        others = [
            str(address.ip)
            for network, family in near
            for other, _, port in self.topology.on_network(network) if other != name
            for address in port.of_family(family)
        ]  # fmt: skip
        return inside, others

    def know_neighbours(self, network: str) -> None:
        """Permanent IPv4 entries, so that no packet waits for an address to be resolved.

        None for IPv6: there the asking goes through the rules, and a policy that breaks it must be seen.
        """
        ports = [(name, self._nodes[name].ports[interface]) for name, interface, _ in self.topology.on_network(network)]
        entries = [(name, entry(address, port.mac)) for name, port in ports for address in port.of_family(4)]
        for name, port in ports:
            others = [one for owner, one in entries if owner != name]
            add_permanent(self._nodes[name].namespace, port.index, others)

    def _close_nodes(self) -> None:
        for node in [*self._nodes.values(), *self._wiring.bridges]:
            node.close()


def _switched_off(node: Node, interface: str) -> bool:
    keys = (f"net.ipv6.conf.{interface}.disable_ipv6", f"net/ipv6/conf/{interface}/disable_ipv6")
    return any(node.sysctls.get(key, "0") != "0" for key in keys)


def _stands_in(topology: Topology, name: str, spec: NodeSpec) -> tuple[str, ...]:
    """The networks of a node of which it stands for IPv4 addresses that nobody has."""
    networks = dict.fromkeys(port.network for port in spec.interfaces.values())
    return tuple(network for network in networks if topology.stands_in(name, network, 4))


def _prefixes(spec: NodeSpec) -> Sequence[Prefix]:
    if isinstance(spec.anyip, bool):
        return list(addressing.EVERYWHERE.values()) if spec.anyip else []
    return spec.anyip
