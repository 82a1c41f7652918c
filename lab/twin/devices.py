"""Which of a host's interfaces its node has, and as what: a lab has veths, whatever they are on the host."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface

from lab.record.host import Host, Link
from lab.written.words import (
    LEAST_MTU,
    LEAST_MTU_OF_IPV6,
    MOST_MTU,
    Address,
    InterfaceAddress,
    Network,
    is_address,
    parse_interface_name,
    refused,
)

LOOPBACK = "lo"
POINT_TO_POINT = ("ppp", "wireguard", "ipip", "sit", "gre", "vti", "vti6", "xfrm", "ip6tnl", "ipvti", "none")
_PLAIN = (None, "veth", "device", "ether", "dummy")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Device:
    """An interface of a node; ``peers`` are the far ends' addresses, ``link_local`` its own on its link, if it is known."""

    name: str
    addresses: tuple[InterfaceAddress, ...] = ()
    peers: tuple[Address, ...] = ()
    point_to_point: bool = False
    mac: str | None = None
    mtu: int | None = None
    link_local: str | None = None

    def of_family(self, family: int) -> tuple[InterfaceAddress, ...]:
        """Its addresses of the family (4 or 6)."""
        return tuple(one for one in self.addresses if one.version == family)


@dataclass(frozen=True, slots=True)
class Devices:
    """The interfaces of a host by name, those that it is without in the lab with the reason, and notes."""

    there: Mapping[str, Device]
    left_out: Mapping[str, str]
    notes: tuple[str, ...]


def devices_of(host: Host) -> Devices:
    """What a node has of the interfaces of ``host``."""
    left_out: dict[str, str] = {}
    notes: list[str] = []
    there: dict[str, Device] = {}
    by_name = {link.name.partition("@")[0]: link for link in host.links}
    # an address of lo, or of who is behind the interface, may come to it
    families = {one.version for link in host.links for one in link.addresses} | {family for family, _ in host.routes}
    for name, link in by_name.items():
        why = _left_out(name, link, by_name)
        if name == LOOPBACK:
            continue
        if why is not None:
            left_out[name] = why
            continue
        taken = {one.ip: other for other, device in there.items() for one in device.addresses}
        there[name] = _device(name, link, host.name, notes, taken, six=6 in families)
    there = _with_loopback(by_name.get(LOOPBACK), there, host.name, notes)
    notes += _as_veths(host, {name: by_name[name] for name in there})
    notes += [f"{host.name}: not in the lab: {_some(names)} ({why})" for why, names in _by_reason(left_out)]
    return Devices(there, left_out, tuple(notes))


def _by_reason(left_out: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """(reason, names) of those that a node is without."""
    for why in dict.fromkeys(left_out.values()):
        yield why, [name for name, other in left_out.items() if other == why]


def _left_out(name: str, link: Link, others: Mapping[str, Link]) -> str | None:
    """Why the node has no such interface; None where it has."""
    try:
        parse_interface_name(name)
    except ValueError as error:
        return str(error).partition("\n")[0]
    if not link.up:
        return "down"
    if link.master is not None and link.master in others:
        kind = others[link.master].kind or "bridge"
        return None if kind == "vrf" else f"{'a port' if kind == 'bridge' else 'a part'} of {link.master}"
    return "a VRF" if link.kind == "vrf" else None


def _device(name: str, link: Link, host: str, notes: list[str], taken: Mapping[Address, str], *, six: bool) -> Device:
    point_to_point = link.point_to_point or link.kind in POINT_TO_POINT
    usable: list[InterfaceAddress] = []
    for address in dict.fromkeys(link.addresses):
        if address.ip.is_link_local and address.version == 6:
            continue
        if (why := refused(address.ip)) is not None:
            notes.append(f"{host}: {name} has {address.ip}, which no node of a lab can have: {why}")
            continue
        if address.ip in taken:
            notes.append(f"{host}: {name} has {address.ip} as {taken[address.ip]} has, which has it alone in the lab")
            continue
        if all(address.ip != other.ip for other in usable):
            usable.append(_host_address(address))
    local = next((str(one.ip) for one in link.addresses if one.version == 6 and one.ip.is_link_local), None)
    peers = tuple(ip_address(one) for one in (text.partition("/")[0] for text in link.peer) if is_address(one))
    peers = tuple(one for one in peers if refused(one) is None and one not in {address.ip for address in usable})
    return Device(
        name, tuple(usable), peers, point_to_point, None if point_to_point else usable_mac(link.mac),
        _usable_mtu(link.mtu, six=six), None if point_to_point else local,
    )  # fmt: skip


def _host_address(address: InterfaceAddress) -> InterfaceAddress:
    """The address as a host can have it: one that means its network, or all of it, stands by itself.

    So does one whose network is larger than any that a lab can have (0.0.0.0/0).
    """
    network = address.network
    if refused(network) is not None:
        return ip_interface(f"{address.ip}/{address.max_prefixlen}")
    ends = [network[0]] if address.version == 6 else [network[0], network[-1]]
    if network.prefixlen < network.max_prefixlen - 1 and address.ip in ends:
        return ip_interface(f"{address.ip}/{address.max_prefixlen}")
    return address


def usable_mac(mac: str | None) -> str | None:
    """The MAC address, if an interface of a lab can have it."""
    text = (mac or "").lower()
    usable = _MAC.fullmatch(text) and not int(text[:2], 16) & 1 and text != "00:00:00:00:00:00"
    return text if usable and not text.startswith("02:4c:00") else None


def _usable_mtu(mtu: int | None, *, six: bool) -> int | None:
    least = LEAST_MTU_OF_IPV6 if six else LEAST_MTU
    return mtu if mtu is not None and least <= mtu <= MOST_MTU and mtu != 1500 else None


def _with_loopback(loopback: Link | None, there: dict[str, Device], host: str, notes: list[str]) -> dict[str, Device]:
    """The devices, with the addresses of the host's ``lo`` at one of them: where its network is, else at the first."""
    for address in () if loopback is None else loopback.addresses:
        if address.ip.is_loopback or refused(address.ip) is not None or not there:
            continue
        own: IPv4Interface | IPv6Interface = ip_interface(f"{address.ip}/{address.max_prefixlen}")
        if any(own.ip == one.ip for device in there.values() for one in device.addresses):
            continue
        at = next((name for name, device in there.items() if any(own.ip in one.network for one in device.addresses)), None)
        name = at or next(iter(there))
        there[name] = replace(there[name], addresses=(*there[name].addresses, own))
        notes.append(f"{host}: {own.ip} is on lo of the host, and on {name} in the lab")
    return there


def _as_veths(host: Host, links: Mapping[str, Link]) -> Iterator[str]:
    """What became another kind of interface."""
    changed = [(name, link.kind) for name, link in links.items() if link.kind not in _PLAIN]
    for kind in dict.fromkeys(kind for _, kind in changed):
        names = [name for name, other in changed if other == kind]
        yield f"{host.name}: {_some(names)} ({kind} on the host) {'is a veth' if len(names) == 1 else 'are veths'} in the lab"


def _some(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names if more <= 0 else [*names[:_MOST_NAMED], f"{more} more"])


def prefixes_of(device: Device) -> tuple[Network, ...]:
    """The networks that its addresses lie in; none of an address that stands by itself."""
    found = (one.network for one in device.addresses if one.network.prefixlen < one.max_prefixlen)
    return tuple(dict.fromkeys(found))
