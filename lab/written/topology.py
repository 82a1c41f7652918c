"""The stage: networks, nodes and their addresses, as frozen models.

A ``Topology`` can be made from what a YAML file holds (short forms included) by ``Topology.model_validate``, or
straight from Python.  ``lab.written.load.load_topology`` adds the checks of ``lab.written.topology_checks``, with lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from ipaddress import ip_address
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    PrivateAttr,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from lab.errors import Where
from lab.written.bridge import Segment, segments_of
from lab.written.cell import Service
from lab.written.complete import completed
from lab.written.interface import STRICT, AnInterface, Interface, in_full
from lab.written.owners import Owners
from lab.written.programs import SERVED, Programs
from lab.written.queues import Queues
from lab.written.route_lines import parse_routes
from lab.written.routing import Route, RoutingRule
from lab.written.rule_lines import parse_rules
from lab.written.service import TFTP_PORT, read_services
from lab.written.tables import names_of_tables
from lab.written.words import (
    NETWORK_SCHEMA,
    SYSCTL_PATTERN,
    Address,
    Addresses,
    InterfaceName,
    Lines,
    Name,
    Names,
    Network,
    Networks,
    Text,
    is_address,
    one_or_several,
    parse_network,
    several,
    sysctl_name,
    text_of,
)
from lab.written.yaml_source import Document


def _anyip(value: object) -> bool | tuple[Network, ...]:
    return value if isinstance(value, bool) else tuple(parse_network(item) for item in _listed(value))


def _listed(value: object) -> tuple[Any, ...]:
    several_of = one_or_several(value)
    assert isinstance(several_of, tuple)
    return several_of


def _sysctl_value(value: object) -> str:
    if isinstance(value, bool):
        raise ValueError(f"a sysctl is a number or text, not {str(value).lower()}: write {int(value)}")
    return str(value) if isinstance(value, int) else text_of(value)


def _service(value: object) -> Service:
    (service,) = read_services(value)
    if service.application is not None:
        raise ValueError(f"{service.text} is a session that a row asks for\na server of it is a program: [{{serve: ftp}}]")
    return service


AnyIp = Annotated[
    bool | tuple[Network, ...],
    PlainValidator(_anyip),
    PlainSerializer(lambda value: value if isinstance(value, bool) else [str(network) for network in value]),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, NETWORK_SCHEMA, {"type": "array", "items": NETWORK_SCHEMA}]}),
]
AService = Annotated[Service, PlainValidator(_service), WithJsonSchema({"type": "string"})]
SysctlName = Annotated[str, PlainValidator(sysctl_name), WithJsonSchema({"type": "string", "pattern": SYSCTL_PATTERN})]
SysctlValue = Annotated[
    str, PlainValidator(_sysctl_value), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}]})
]


class NodeSpec(BaseModel):
    """One node: its role, interfaces, routing and what it serves."""

    model_config = STRICT | ConfigDict(populate_by_name=True)

    role: Name = Field(description="what the node is there for: client, gateway, backend, …")
    interfaces: Annotated[
        dict[InterfaceName, AnInterface],
        BeforeValidator(in_full),
    ] = Field(description="{NETWORK: ADDRESSES}, or {INTERFACE: {network: NETWORK, address: ADDRESSES}}")
    anyip: AnyIp = Field(default=False, description="stands for every address beyond the lab, or for these prefixes")
    same_as: Name | None = Field(
        default=None, alias="same-as", description="an anyip node: what that one stands for is here too, by another line"
    )
    via: Names = Field(default=(), description="the default route: a node on a shared network, or addresses")
    routes: Annotated[tuple[Route, ...], Lines(parse_routes), several({"type": "string"}, least=0)] = Field(
        default=(), description="as `ip route` prints them: 10.99.0.0/16 via 10.0.1.99 table 7; a text may have several lines"
    )
    rules: Annotated[tuple[RoutingRule, ...], Lines(parse_rules), several({"type": "string"}, least=0)] = Field(
        default=(), description="as `ip rule` prints them: fwmark 2 lookup 102 pref 100; a text may have several lines"
    )
    forwards: bool = Field(default=False, description="whether the node forwards packets")
    sysctls: dict[SysctlName, SysctlValue] = Field(default={}, description="net.* settings over the lab's baseline")
    services: Annotated[tuple[AService, ...], BeforeValidator(one_or_several), several({"type": "string"}, least=0)] = Field(
        default=(), description="services that are always open: [tcp/8443]"
    )
    programs: Programs = Field(default=(), description="programs that go on there: [{serve: ftp}], [{run: […], ready: tcp/21}]")
    queues: Queues | None = Field(
        default=None, description="what the readers of queues of user space say: {accept: 3, drop: 4-7}"
    )

    @property
    def bridges(self) -> tuple[Interface, ...]:
        """Those of its interfaces that are bridges."""
        return tuple(interface for interface in self.interfaces.values() if interface.bridge)

    @property
    def passes_on(self) -> bool:
        """Whether packets of others go on from here: it forwards, or is a bridge."""
        return self.forwards or bool(self.bridges)

    @property
    def devices(self) -> tuple[str, ...]:
        """The names of its interfaces, and of the ports of its bridges behind them."""
        return (*self.interfaces, *(port for bridge in self.bridges for port in bridge.bridge))

    @property
    def seen_ports(self) -> tuple[str, ...]:
        """The ports that the rules of addresses see packets come and go by."""
        return tuple(port for bridge in self.bridges if bridge.bridge_nf for port in bridge.bridge)

    def addresses(self, family: int) -> tuple[Address, ...]:
        """All its interface addresses of the family, in the order written."""
        return tuple(address.ip for interface in self.interfaces.values() for address in interface.of_family(family))


class Topology(BaseModel):
    """Networks, nodes and their addresses: the stage that policies and matrices are tried on."""

    model_config = STRICT | ConfigDict(title="Topology of netfilter-lab")

    topology: Name = Field(description="the topology's name; its file is NAME.yaml")
    about: Text = Field(default="", description="one sentence on what it is")
    networks: dict[Name, Networks] = Field(description="{NAME: [IPv4 prefix, IPv6 prefix]}")
    services: dict[Name, str | tuple[str, ...]] = Field(default={}, description="names for services: {web: tcp/443}")
    nodes: dict[Name, NodeSpec] = Field(description="{NAME: NODE}")
    names: dict[Name, Addresses] = Field(default={}, description="names for addresses: {web-vip: 198.51.100.1}")

    _document: Document | None = PrivateAttr(default=None)

    @field_validator("services", mode="before")
    @classmethod
    def _service_lists(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            raise ValueError("services are written as a mapping: {NAME: SERVICE}")
        checked: dict[object, object] = {}
        for name, written in value.items():
            texts = tuple(text_of(item) for item in _listed(written))
            for text in texts:
                read_services(text)
            checked[name] = texts[0] if isinstance(written, str) else texts
        return checked

    @field_validator("nodes", mode="before")
    @classmethod
    def _named_services(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, Mapping):
            return value
        names = info.data.get("services")
        if names is None:  # they are wrong, which is told there and not at each node once more
            return {name: _without_services(node) for name, node in value.items()}
        return {name: _with_services(node, names) for name, node in value.items()} if names else value

    @field_validator("nodes", mode="after")
    @classmethod
    def _prefix_lengths(cls, nodes: dict[str, NodeSpec], info: ValidationInfo) -> dict[str, NodeSpec]:
        networks = info.data.get("networks") or {}
        return {name: completed(node, networks) for name, node in nodes.items()}

    def remember(self, document: Document) -> None:
        """Keep the file that this was read from, for messages and templates."""
        self._document = document

    def where(self, *path: str | int) -> Where | None:
        """The place in the file that a part was written at (``"nodes", "web", "via"``); None without a file."""
        return self._document.where(*path) if self._document else None

    def as_written(self) -> Mapping[str, Any]:
        """The topology in the shape of its file, as templates see it."""
        if self._document is not None:
            return dict(self._document.data)
        return self.model_dump(mode="json", by_alias=True)

    @cached_property
    def _whose(self) -> Owners:
        return Owners(self.nodes, self.networks, self._network_of)

    def owners(self, address: str) -> tuple[str, ...]:
        """The nodes that an address, written in any form, may belong to; see `Owners.of`."""
        return self._whose.of(ip_address(address))

    def owner(self, address: str) -> str | None:
        """The one node that an address belongs to; None if nobody has it, or if several could (see ``owners``)."""
        owners = self.owners(address)
        return owners[0] if len(owners) == 1 else None

    def holder(self, address: str) -> str | None:
        """The node that has this very address on an interface."""
        return self._whose.holder(ip_address(address))

    def also(self, name: str, address: str) -> tuple[str, ...]:
        """The other nodes at which what ``name`` stands for is too, where this address is beyond the lab's networks."""
        return self._whose.also(name, ip_address(address))

    def stands_for(self, name: str, address: Address) -> bool:
        """Whether the node is an anyip one that could own this address, as nobody has it; see `Owners.stands_for`."""
        return self._whose.stands_for(name, address)

    def stands_in(self, name: str, network: str, family: int) -> bool:
        """Whether the node stands for addresses of a network that nobody has: it is on it, and lists a part of it as anyip."""
        return self._whose.stands_in(name, network, family)

    def stood_for(self, name: str, network: str, family: int) -> tuple[Network, ...]:
        """The parts of a network that a node stands for; none where it does not (`stands_in`)."""
        return self._whose.stood_for(name, network, family)

    def taker(self, node: str, out: str | None, address: str) -> str | None:
        """Who takes a packet to ``address`` in that left ``node`` by its interface ``out`` (None: nobody knows by which).

        It is the address's owner, or of those that it is behind too the one on that network; on a network without the owner it
        is its only other node, where that is an anyip node which the address is to: it takes in whatever comes.
        """
        owner = self.owner(address)
        interface = self.nodes[node].interfaces.get(out or "")
        if interface is None:
            return owner
        near = dict.fromkeys(name for name, _, _ in self.on_network(interface.network) if name != node)
        others = () if owner is None else self.also(owner, address)
        found = next((name for name in (owner, *others) if name in near), None)
        if found is None and len(near) == 1 and self._whose.answers_for(next(iter(near)), ip_address(address)):
            return next(iter(near))
        return owner if found is None else found

    def network_of(self, address: str) -> str | None:
        """The name of the network that an address lies in, or that the interface is on which has it besides."""
        return self._network_of(ip_address(address))

    def _network_of(self, wanted: Address) -> str | None:
        inside = next((name for name, prefixes in self.networks.items() if any(wanted in net for net in prefixes)), None)
        return inside or self._outside.get(wanted)

    @cached_property
    def table_names(self) -> Mapping[int, str]:
        """What routes and rules of the nodes call routing tables, by number, and the names that every host has."""
        nodes = self.nodes.values()
        rules = [rule for spec in nodes for rule in spec.rules]
        return names_of_tables([*rules, *(route for spec in nodes for route in spec.routes)])

    @cached_property
    def _outside(self) -> dict[Address, str]:
        """Addresses beside those of their network, and the network that each is on."""
        return {
            address.ip: name
            for name in self.networks
            for _, _, interface in self.on_network(name)
            for address in interface.addresses
            if not any(address.ip in net for net in self.networks[name])
        }

    def is_point_to_point(self, network: str) -> bool:
        """Whether what one end of a network sends arrives at the other: one interface on it that says so is enough."""
        return any(interface.link is not None for _, _, interface in self.on_network(network))

    @cached_property
    def _members(self) -> dict[str, list[tuple[str, str, Interface]]]:
        found: dict[str, list[tuple[str, str, Interface]]] = {}
        for node, spec in self.nodes.items():
            for ifname, interface in spec.interfaces.items():
                found.setdefault(interface.network, []).append((node, ifname, interface))
        return found

    def can_send(self, address: str) -> bool:
        """Whether a host may send from an address: not from a multicast or unspecified one, nor a network's broadcast address.

        Linux clears such a source (inet_bind(), inet_addr_type()) and sends from one that it chooses.
        """
        source = ip_address(address)
        if source.version == 6:
            return not (source.is_multicast or source.is_unspecified)
        broadcasts = (net.broadcast_address for prefixes in self.networks.values() for net in prefixes if net.prefixlen < 31)
        return not (source.is_multicast or source.is_unspecified or str(source) == "255.255.255.255" or source in broadcasts)

    @cached_property
    def broadcasts(self) -> Mapping[str, str]:
        """The networks by their broadcast addresses, which IPv4 alone has."""
        return {
            str(prefix.broadcast_address): name
            for name, prefixes in self.networks.items() for prefix in prefixes if prefix.version == 4 and prefix.prefixlen < 31
        }  # fmt: skip

    def on_network(self, name: str) -> tuple[tuple[str, str, Interface], ...]:
        """(node, interface name, interface) of everything on the network, in the order written."""
        return tuple(self._members.get(name, ()))

    @cached_property
    def segments(self) -> dict[str, Segment]:
        """Every wire by its name: a network, or what is at one port of the bridge that a node is."""
        return dict(segments_of(self.networks, self.on_network))

    def addresses(self, node: str, family: int) -> tuple[str, ...]:
        """The interface addresses of a node, of the family (4 or 6), in the order written."""
        return tuple(str(address) for address in self.nodes[node].addresses(family))

    def next_hop(self, node: str, family: int) -> str | None:
        """The address of the default gateway, from ``via``: written, or the named node's on a shared network."""
        spec = self.nodes[node]
        for word in spec.via:
            if is_address(word):
                if (written := ip_address(word)).version == family:
                    return str(written)
                continue
            if word in self.nodes and (found := self._shared_address(spec, self.nodes[word], family)):
                return found
        return None

    def _shared_address(self, spec: NodeSpec, other: NodeSpec, family: int) -> str | None:
        own = {interface.network for interface in spec.interfaces.values() if interface.of_family(family)}
        for interface in other.interfaces.values():
            if interface.network in own and (found := interface.of_family(family)):
                return str(found[0].ip)
        return None

    @property
    def served(self) -> frozenset[str]:
        """The applications that a program, or an open service, of some node serves: ``ftp``, ``tftp``."""
        listens = {program.listens for node in self.nodes.values() for program in node.programs}
        found = {name for name, where in SERVED.items() if where in listens}
        open_to_all = (service for node in self.nodes.values() for service in node.services if service.proto == "udp")
        if any(low <= TFTP_PORT <= high for service in open_to_all for low, high in service.ports):
            found.add("tftp")
        return frozenset(found)

    def roles(self) -> dict[str, tuple[str, ...]]:
        """The nodes of each role, in the order written."""
        found: dict[str, tuple[str, ...]] = {}
        for name, node in self.nodes.items():
            found[node.role] = (*found.get(node.role, ()), name)
        return found


def _with_services(node: object, names: Mapping[str, Any]) -> object:
    if not isinstance(node, Mapping) or "services" not in node:
        return node
    services: list[object] = []
    for item in _listed(node["services"]):
        services.extend(read_services(item, names) if isinstance(item, str) and item in names else [item])
    return {**node, "services": services}


def _without_services(node: object) -> object:
    return {key: value for key, value in node.items() if key != "services"} if isinstance(node, Mapping) else node
