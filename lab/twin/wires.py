"""The networks between hosts and who is behind their interfaces: one for each, shared where hosts share it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from itertools import count, islice

from lab.errors import InputError, Problem
from lab.twin.devices import Device, Devices, prefixes_of
from lab.twin.kinds import is_within
from lab.twin.networks import Networks
from lab.written.words import Address, Network, is_address, refused

_STAND_INS: Mapping[int, tuple[Network, int]] = {  # RFC 2544, RFC 5180: for benchmarks
    4: (ip_network("198.18.0.0/15"), 30), 6: (ip_network("2001:2::/48"), 64),
}  # fmt: skip
_NO_NAME = re.compile(r"[\s\x00-\x1f\x7f@:/\[\],>]+")
_TRIED = 4096
_MOST_PARTED, _MOST_NAMED = 256, 3


@dataclass(slots=True)
class Needs:
    """What an interface needs of its network: the families that packets leave by it, and prefixes that are reached directly.

    ``routed`` are the prefixes that plain packets leave for by it.
    """

    families: set[int] = field(default_factory=set)
    on_link: list[Network] = field(default_factory=list)
    routed: list[Network] = field(default_factory=list)


@dataclass(slots=True)
class Wire:
    """A network: its ``prefixes``, and the interfaces of hosts on it; ``stand_ins`` are families of which no host says any."""

    name: str
    ends: dict[tuple[str, str], Device] = field(default_factory=dict)
    prefixes: list[Network] = field(default_factory=list)
    stand_ins: set[int] = field(default_factory=set)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that are on it."""
        return tuple(dict.fromkeys(host for host, _ in self.ends))

    @property
    def point_to_point(self) -> bool:
        """Whether it is a link with two ends: its one host, and who is behind."""
        if len(self.ends) > 1:
            return False
        (end,) = self.ends.values()
        return end.point_to_point or not (end.of_family(4) or 4 not in {prefix.version for prefix in self.prefixes})

    def addresses(self, family: int) -> tuple[Address, ...]:
        """The hosts' addresses on it."""
        return tuple(one.ip for end in self.ends.values() for one in end.of_family(family))


def without_taken(hosts: Mapping[str, Devices]) -> dict[str, Devices]:
    """The devices, but for those with an address that an earlier host has: each host's docker0 is a network of its own."""
    seen: dict[Address, str] = {}
    found = {}
    for host, devices in hosts.items():
        there, gone = {}, {}
        own: dict[Address, str] = {}
        for name, device in devices.there.items():
            if (taken := next((one.ip for one in device.addresses if one.ip in seen), None)) is not None:
                gone[name] = f"{taken} is the address of {seen[taken]} too"
                continue
            there[name] = device
            own |= {one.ip: f"{host} ({name})" for one in device.addresses}
        seen |= own
        notes = [f"{host}: {name} is not in the lab: {why}" for name, why in gone.items()]
        found[host] = Devices(there, {**devices.left_out, **gone}, (*devices.notes, *notes))
    return found


class Wires:
    """The networks of ``hosts``' devices; ``needs`` are what each device needs of its own, by host and name."""

    def __init__(
        self, hosts: Mapping[str, Mapping[str, Device]], needs: Mapping[tuple[str, str], Needs], notes: list[str]
    ) -> None:
        self._wires: list[Wire] = []
        self._several = len(hosts) > 1
        self._notes = notes
        self._needs = needs
        for host, devices in hosts.items():
            for device in devices.values():
                self._put(host, device)
        self._merge_inner()
        self._part_overlaps()
        self._stand_in()
        self._names()

    def __iter__(self) -> Iterator[Wire]:
        return iter(self._wires)

    def of(self, host: str, device: str) -> Wire | None:
        """The network behind an interface; None of one that is not in the lab."""
        return next((wire for wire in self._wires if (host, device) in wire.ends), None)

    def wire_of(self, address: Address) -> Wire | None:
        """The network that an address lies in, or is on besides."""
        return next(
            (
                wire for wire in self._wires
                if any(address in prefix for prefix in wire.prefixes) or address in wire.addresses(address.version)
            ),
            None,
        )  # fmt: skip

    def _put(self, host: str, device: Device) -> None:
        prefixes = prefixes_of(device)
        shared = next((wire for wire in self._wires if not set(prefixes).isdisjoint(wire.prefixes)), None)
        if shared is None:
            self._wires.append(shared := Wire(""))
        shared.ends[host, device.name] = device
        shared.prefixes += [one for one in prefixes if one not in shared.prefixes]

    def _merge_inner(self) -> None:
        """Make one of two networks where an address of the wider one lies in the narrower: nothing tells them apart then."""
        for wide in list(self._wires):
            narrow = next((wire for wire in self._wires if wire is not wide and _within(wide, wire)), None)
            if narrow is not None:
                self._notes.append(f"{_ends(wide)} and {_ends(narrow)} overlap, and are one network in the lab")
                narrow.ends |= wide.ends
                narrow.prefixes = _reduced([*narrow.prefixes, *wide.prefixes])
                self._wires.remove(wide)

    def _needs_of(self, wire: Wire) -> list[Needs]:
        return [self._needs[end] for end in wire.ends if end in self._needs]

    def _part_overlaps(self) -> None:
        """Let the narrower of two networks that overlap have its addresses, and what is routed elsewhere be beyond."""
        narrower = {
            number: [*wire.prefixes, *_alone(wire), *(one for needs in self._needs_of(wire) for one in needs.routed)]
            for number, wire in enumerate(self._wires)
        }
        for number, wire in enumerate(self._wires):
            own = {one for family in (4, 6) for one in wire.addresses(family)}
            kept: list[Network] = []
            for prefix in wire.prefixes:
                inner = _reduced([
                    one for other, prefixes in narrower.items() if other != number for one in prefixes
                    if one != prefix and is_within(one, prefix) and not any(address in one for address in own)
                ])[:_MOST_PARTED]  # fmt: skip
                kept += _without(prefix, inner)
                if inner:
                    named = ", ".join([*map(str, inner[:_MOST_NAMED]), *(["…"] if len(inner) > _MOST_NAMED else [])])
                    what = f"{_ends(wire)}: in the lab {named} is no part of {prefix}"
                    self._notes.append(f"{what}, as it lies behind another interface")
            wire.prefixes = _reduced(kept)

    def _stand_in(self) -> None:
        """Give networks that lack a family what routes reach directly there, else a prefix that stands for nothing."""
        everywhere = [prefix for wire in self._wires for prefix in wire.prefixes]
        for wire in self._wires:
            of = self._needs_of(wire)
            wanted = {family for one in of for family in one.families}
            wanted |= {family for family in (4, 6) if wire.addresses(family)}
            there = {prefix.version for prefix in wire.prefixes}
            for family in sorted(wanted - there or ({4} if not there else set())):
                direct = [prefix for one in of for prefix in one.on_link if prefix.version == family]
                direct.sort(key=lambda prefix: not any(one in prefix for one in wire.addresses(family)))
                prefix = next((one for one in direct if refused(one) is None and not _taken(one, everywhere)), None)
                if prefix is None:
                    prefix = _free(everywhere, family)
                    wire.stand_ins.add(family)
                wire.prefixes.append(prefix)
                everywhere.append(prefix)

    def _names(self) -> None:
        for wire in self._wires:
            host, device = next(iter(wire.ends))
            name = "-".join(wire.hosts) if len(wire.hosts) > 1 else f"{host}-{device}" if self._several else device
            wire.name = first = a_name(name, "link")
            number = 1
            while any(other.name == wire.name for other in self._wires if other is not wire):
                number += 1
                wire.name = f"{first}-{number}"


def a_name(text: str, kind: str) -> str:
    """The text as a topology can have it for a name; ``kind`` is put before what is none without."""
    name = _NO_NAME.sub("-", text)
    return name if name and name[0] not in ".-" and not is_address(name) else f"{kind}-{name}".rstrip("-")


def _within(wide: Wire, narrow: Wire) -> bool:
    """Whether an address of ``wide`` lies in a prefix of ``narrow`` that is a part of the address's own network."""
    own = [one for end in wide.ends.values() for one in end.addresses]
    return any(
        one.ip in prefix and prefix != one.network and is_within(prefix, one.network)
        for one in own for prefix in narrow.prefixes
    )  # fmt: skip


def _alone(wire: Wire) -> Iterator[Network]:
    """The hosts' addresses there that are in no prefix of it."""
    for end in wire.ends.values():
        yield from (one.network for one in end.addresses if one.network.prefixlen == one.max_prefixlen)


def _taken(prefix: Network, others: Sequence[Network]) -> bool:
    return any(other.version == prefix.version and other.overlaps(prefix) for other in others)


def _ends(wire: Wire) -> str:
    return ", ".join(f"{host}: {device}" for host, device in wire.ends)


def _without(prefix: Network, inner: Sequence[Network]) -> list[Network]:
    """The prefix but for those that lie in it, of which none lies in another."""
    parts = [prefix]
    for one in inner:
        around = next((part for part in parts if one != part and is_within(one, part)), None)
        if around is not None:
            parts.remove(around)
            parts += around.address_exclude(one)  # type: ignore[arg-type]
        elif one in parts:
            parts.remove(one)
    return parts


def _reduced(prefixes: Sequence[Network]) -> list[Network]:
    """The prefixes without those that lie in another one of them."""
    there = Networks(prefixes)
    return [one for one in there if not one.prefixlen or there.around(one.supernet()) is None]


def _free(taken: Sequence[Network], family: int) -> Network:
    whole, length = _STAND_INS[family]
    subnets: Iterator[Network] = whole.subnets(new_prefix=length)
    for one in islice(subnets, _TRIED):
        if not _taken(one, taken):
            return one
    raise InputError(Problem(f"no network is left in {whole} to stand for links without addresses"))


def free_addresses(prefix: Network, taken: set[Address]) -> Iterator[Address]:
    """Addresses that a host of the network could have and nobody has."""
    first = 1 if prefix.prefixlen < prefix.max_prefixlen - 1 else 0
    last = prefix.num_addresses - (1 if first and prefix.version == 4 else 0)
    for offset in islice(count(first), _TRIED):
        if offset >= last:
            return
        address = prefix[offset]
        if address not in taken:
            yield address


