"""The networks between hosts and who is behind their interfaces: one for each, shared where hosts share it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from itertools import count, islice

from lab.errors import InputError, Problem
from lab.twin.devices import Device, Devices, prefixes_of
from lab.written.words import Address, Network

_STAND_INS: Mapping[int, tuple[Network, int]] = {  # RFC 2544, RFC 5180: for benchmarks
    4: (ip_network("198.18.0.0/15"), 30), 6: (ip_network("2001:2::/48"), 64),
}  # fmt: skip
_TRIED = 4096


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
        return len(self.ends) == 1 and (4 in self.stand_ins or any(end.point_to_point for end in self.ends.values()))

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
    """The networks of ``hosts``' devices; ``needed`` are the families that packets leave each device by, whatever it has."""

    def __init__(
        self, hosts: Mapping[str, Mapping[str, Device]], needed: Mapping[tuple[str, str], set[int]], notes: list[str]
    ) -> None:
        self._wires: list[Wire] = []
        self._several = len(hosts) > 1
        self._notes = notes
        for host, devices in hosts.items():
            for device in devices.values():
                self._put(host, device)
        self._merge_inner()
        self._part_overlaps()
        self._stand_in(needed)
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
            own = [address for family in (4, 6) for address in wide.addresses(family)]
            for narrow in [wire for wire in self._wires if wire is not wide]:
                if wide in self._wires and any(address in prefix for address in own for prefix in narrow.prefixes):
                    self._notes.append(f"{_ends(wide)} and {_ends(narrow)} overlap, and are one network in the lab")
                    narrow.ends |= wide.ends
                    narrow.prefixes = _reduced([*narrow.prefixes, *wide.prefixes])
                    self._wires.remove(wide)

    def _part_overlaps(self) -> None:
        """Let the narrower of two networks that overlap have its addresses, and the wider all others."""
        for wire in self._wires:
            kept: list[Network] = []
            for prefix in wire.prefixes:
                parts = [prefix]
                for other in self._wires:
                    for narrow in other.prefixes if other is not wire else ():
                        parts = list(_without(parts, narrow))
                if parts != [prefix]:
                    what = f"{_ends(wire)}: {prefix} overlaps a narrower network, which keeps its addresses in the lab"
                    self._notes.append(what)
                kept += parts
            wire.prefixes = _reduced(kept)

    def _stand_in(self, needed: Mapping[tuple[str, str], set[int]]) -> None:
        everywhere = [prefix for wire in self._wires for prefix in wire.prefixes]
        for wire in self._wires:
            wanted = set().union(*(needed.get(end, set()) for end in wire.ends))
            there = {prefix.version for prefix in wire.prefixes}
            for family in sorted(wanted - there or ({4} if not there else set())):
                wire.prefixes.append(prefix := _free(everywhere, family))
                everywhere.append(prefix)
                wire.stand_ins.add(family)

    def _names(self) -> None:
        for wire in self._wires:
            (host, device), *others = wire.ends
            wire.name = f"{host}-{device}" if self._several and not (others and len(wire.hosts) > 1) else device
        taken: dict[str, int] = {}
        for wire in self._wires:
            taken[wire.name] = number = taken.get(wire.name, 0) + 1
            if number > 1:
                wire.name = f"{wire.name}-{number}"


def _ends(wire: Wire) -> str:
    return ", ".join(f"{host}: {device}" for host, device in wire.ends)


def _without(parts: Sequence[Network], narrow: Network) -> Iterator[Network]:
    for part in parts:
        if part.version == narrow.version and part != narrow and narrow.subnet_of(part):  # type: ignore[arg-type]
            yield from part.address_exclude(narrow)  # type: ignore[arg-type]
        else:
            yield part


def _reduced(prefixes: Sequence[Network]) -> list[Network]:
    """The prefixes without those that lie in another one of them."""
    return [
        one for place, one in enumerate(prefixes)
        if not any(
            one.version == other.version and one.subnet_of(other) and (one != other or number < place)  # type: ignore[arg-type]
            for number, other in enumerate(prefixes) if number != place
        )
    ]  # fmt: skip


def _free(taken: Sequence[Network], family: int) -> Network:
    whole, length = _STAND_INS[family]
    subnets: Iterator[Network] = whole.subnets(new_prefix=length)
    for one in islice(subnets, _TRIED):
        if not any(other.version == family and other.overlaps(one) for other in taken):
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


