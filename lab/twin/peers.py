"""Who is behind an interface: one node that answers for all that is there, with the addresses of every gateway there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from lab.twin.devices import Device
from lab.twin.kinds import is_within
from lab.twin.routing import EVERYWHERE_LENGTH, Routing
from lab.twin.wires import Needs, Wire, Wires, free_addresses
from lab.written.routing import Route
from lab.written.words import Address, Network, link_local_of, set_aside

_FAMILIES = (4, 6)
WHOLE = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}
_NONE_LEFT = {4: ip_address("198.19.255.1"), 6: ip_address("2001:2:0:ffff::1")}  # where hosts have all of their network
_ALONE = {4: "/32", 6: "/128"}
_UNKNOWN_LINK_LOCAL = "fe80::1:1"  # of a host whose own is not known, and that is answered by it


@dataclass(slots=True)
class Beyond:
    """What lies behind a network as the hosts on it send there: gateways, prefixes, and the families of everything else."""

    gateways: dict[Address, None] = field(default_factory=dict)
    link_locals: dict[Address, None] = field(default_factory=dict)
    prefixes: dict[Network, None] = field(default_factory=dict)
    everything: set[int] = field(default_factory=set)


def needs_of(devices: Mapping[str, Device], routing: Routing) -> dict[str, Needs]:
    """What each interface of a host needs of its network, by its name, whichever addresses it has."""
    found = {name: Needs() for name in devices}
    for route in routing.routes:
        for way in route.ways if route.kind == "unicast" else ():
            if way.dev not in found:
                continue
            found[way.dev].families.add(way.via.version if way.via is not None else route.family)
            if route.destination.prefixlen <= EVERYWHERE_LENGTH:
                continue
            if way.via is None:
                found[way.dev].on_link.append(route.destination)
            if routing.best(route.destination, route.family) == way.dev:
                found[way.dev].routed.append(route.destination)
    for name, device in devices.items():
        found[name].on_link[:0] = [ip_network(one) for one in device.peers]
    return found


def beyond(wires: Wires, routings: Mapping[str, Routing], own: Collection[Address]) -> dict[str, Beyond]:
    """What lies behind each network, by its name; ``own`` are the addresses of hosts, to whom a route may lead too."""
    found = {wire.name: Beyond() for wire in wires}
    for host, routing in routings.items():
        for route in routing.routes:
            for way in route.ways if route.kind == "unicast" else ():
                wire = _wire_of(wires, host, way.dev, way.via)
                if wire is None or way.via in own:
                    continue
                there = found[wire.name]
                if way.via is not None and way.via.is_link_local and way.via.version == 6:
                    there.link_locals[way.via] = None
                elif way.via is not None:
                    there.gateways[way.via] = None
                _leads(wires, route, there)
    for wire in wires:
        for end in wire.ends.values():
            found[wire.name].gateways |= dict.fromkeys(one for one in end.peers if one not in own)
    _each_once(wires, found)
    return found


def _each_once(wires: Wires, found: Mapping[str, Beyond]) -> None:
    """Leave each gateway at one network: lines of one provider may have the same far end."""
    taken: set[Address] = set()
    for wire in wires:
        there = found[wire.name]
        elsewhere = {one for one in there.gateways if wires.wire_of(one) not in (None, wire)}
        there.gateways = {one: None for one in there.gateways if one not in elsewhere and one not in taken}
        taken |= there.gateways.keys()


def _wire_of(wires: Wires, host: str, dev: str | None, via: Address | None) -> Wire | None:
    if dev is not None:
        return wires.of(host, dev)
    return None if via is None else wires.wire_of(via)


def _leads(wires: Wires, route: Route, there: Beyond) -> None:
    destination = route.destination
    if destination.prefixlen <= EVERYWHERE_LENGTH:
        there.everything.add(route.family)
    elif not _inside(wires, destination) and set_aside(destination) is None:
        there.prefixes[destination] = None


def _inside(wires: Wires, prefix: Network) -> Wire | None:
    return next((wire for wire in wires if any(is_within(prefix, one) for one in wire.prefixes)), None)


@dataclass(frozen=True, slots=True)
class Peer:
    """The node behind a network, in the words of a topology's file."""

    name: str
    wire: Wire
    addresses: tuple[str, ...]
    anyip: tuple[str, ...]
    routes: tuple[str, ...]
    link_local: str | None
    host_link_local: str | None
    everything: bool
    via: str | None = None
    same_as: str | None = None


def peer_of(
    wire: Wire, there: Beyond, interface: str, *, name: str, constants: Collection[Address], preferred: Mapping[Network, str],
    same_as: str | None, number: int,
) -> Peer:  # fmt: skip
    """The peer behind ``wire``, at which it has ``interface``.

    ``constants`` are addresses that rules name, which it has only where they are a gateway's.  ``preferred`` are prefixes
    that several peers stand for, with the network that they belong to; ``same_as`` is the peer whose everything else is
    this one's too.  ``number`` is no other peer's.
    """
    gateways = [one for one in there.gateways if any(one in prefix for prefix in wire.prefixes)]
    beside = [one for one in there.gateways if one not in gateways]
    addresses = [*map(str, gateways)]
    for family in _FAMILIES:
        prefixes = [prefix for prefix in wire.prefixes if prefix.version == family]
        if prefixes and not any(one.version == family for one in there.gateways):
            addresses += _own_address(wire, prefixes, constants) or [str(_NONE_LEFT[family] + number) + _ALONE[family]]
    addresses += [f"{one}/{one.max_prefixlen}" for one in beside]
    host_link_local, local = _host_link_local(wire), next(iter(there.link_locals), None)
    near = _on_link(wire, addresses)
    via = _via(wire, near)
    return Peer(
        name, wire, tuple(addresses), tuple(_anyip(wire, there, preferred)),
        () if via else tuple(_routes(wire, interface, near, host_link_local)),
        None if local is None or wire.point_to_point else str(local), host_link_local, bool(there.everything), via,
        same_as if there.everything else None,
    )  # fmt: skip


def _on_link(wire: Wire, addresses: Sequence[str]) -> list[Network]:
    """The prefixes of a network that the peer with these addresses reaches directly: a network may be in parts."""
    own = [ip_address(one) for one in addresses if "/" not in one]
    return [prefix for prefix in wire.prefixes if any(one in prefix for one in own)]


def _via(wire: Wire, near: Sequence[Network]) -> str | None:
    """The host that is the way to everything, where all that it has there is reached directly."""
    host, _ = next(iter(wire.ends))
    for family in _FAMILIES:
        own = [one.ip for (name, _), end in wire.ends.items() if name == host for one in end.of_family(family)]
        lacks = not own and family in {prefix.version for prefix in wire.prefixes}
        if lacks or not all(any(one in prefix for prefix in near) for one in own):
            return None
    return host


def _own_address(wire: Wire, prefixes: Sequence[Network], constants: Collection[Address]) -> list[str]:
    """An address that rules do not name and nobody has; one that they name where no other is left."""
    taken = set(wire.addresses(prefixes[0].version))
    prefixes = sorted(prefixes, key=lambda prefix: not any(one in prefix for one in taken))
    for avoided in (taken | set(constants), taken):
        for prefix in prefixes:
            if (free := next(free_addresses(prefix, avoided), None)) is not None:
                return [str(free)]
    return []


def _host_link_local(wire: Wire) -> str | None:
    """What the host's interface is given for its link-local address: its own, where its MAC does not make it."""
    if wire.point_to_point or 6 not in {prefix.version for prefix in wire.prefixes}:
        return None
    end = next(iter(wire.ends.values()))
    own = end.link_local or (None if end.mac else _UNKNOWN_LINK_LOCAL if 6 in wire.stand_ins else None)
    return None if own is None or (end.mac and own == link_local_of(end.mac)) else own


def _anyip(wire: Wire, there: Beyond, preferred: Mapping[Network, str]) -> Iterator[str]:
    yield from (str(WHOLE[family]) for family in sorted(there.everything))
    own = {ip_network(one) for one in there.gateways}
    mine = {one for one in there.prefixes if preferred.get(one, wire.name) == wire.name}
    beyond = [one for one in there.prefixes if one in mine or one.version not in there.everything]
    near = [one for one in wire.prefixes if one.version not in wire.stand_ins]
    yield from (str(prefix) for prefix in (*beyond, *near) if prefix not in own)


def _routes(wire: Wire, interface: str, near: Sequence[Network], host_link_local: str | None) -> Iterator[str]:
    """The peer's way back, which is by the first host there is."""
    for family in _FAMILIES:
        if family not in {prefix.version for prefix in wire.prefixes}:
            continue
        own = [
            one for end in wire.ends.values() for one in end.of_family(family)
            if any(one.ip in prefix for prefix in near)
        ]  # fmt: skip
        beside = [one for end in wire.ends.values() for one in end.of_family(family) if one not in own]
        if wire.point_to_point:
            yield f"{WHOLE[family]} dev {interface}"
            continue
        yield from (f"{one.ip}/{one.max_prefixlen} dev {interface}" for one in beside)
        via = next((str(one.ip) for one in (*own, *beside)), None) or (_back(wire, host_link_local) if family == 6 else None)
        if via is not None:
            yield f"{WHOLE[family]} via {via} dev {interface}"


def _back(wire: Wire, host_link_local: str | None) -> str | None:
    """The link-local address of a host that has no other there."""
    end: Device = next(iter(wire.ends.values()))
    return host_link_local or (link_local_of(end.mac) if end.mac else None)
