"""Which networks are behind which interface: what rules say of each together, then what no rule says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import NamedTuple

from lab.twin.evidence import Evidence
from lab.twin.kinds import PRIVATE, is_of_docker, is_private, is_within, kind_of, leads_inside, usual_network
from lab.twin.networks import Networks
from lab.twin.told import Told, is_one
from lab.written.words import Network

_CLASSES = frozenset((*PRIVATE, ip_network("fd00::/8"), ip_network("2000::/3")))
"""What rules name for whole kinds of addresses, and not for a network that somebody has."""
_LAN = {4: 24, 6: 64}
_LEAST = {4: 29, 6: 64}
_WIDE = {4: 16, 6: 48}
_PLAINLY = 4


def is_wide(network: Network) -> bool:
    """Whether it is of many networks, of which a host is on one.

    >>> is_wide(ip_network("10.0.0.0/8")), is_wide(ip_network("172.18.0.0/16"))
    (True, False)
    """
    return network.prefixlen < _WIDE[network.version]


class Placed(NamedTuple):
    """A network behind an interface, the rule that says so, and ``why`` where that rule alone does not."""

    network: Network
    interface: str
    told: Told
    why: str = ""
    weight: int = 0


@dataclass(slots=True)
class Placing:
    """Networks on their way to their interfaces; ``made`` are interfaces that no rule names, with the rule they rest on."""

    evidence: Evidence
    interfaces: list[str]
    uplinks: Sequence[str]
    known: Networks = field(default_factory=Networks)
    placed: list[Placed] = field(default_factory=list)
    _has: Networks = field(default_factory=Networks)
    _with_parts: set[Network] = field(default_factory=set)
    _counts: Counter[str] = field(default_factory=Counter)
    made: dict[str, tuple[Told, str]] = field(default_factory=dict)

    def run(self) -> None:
        """Place all that rules name, but for what the default route is for."""
        said = list(self._said())
        for one in said:
            if not is_one(one.network):
                self._add(one)
        self._usual()
        self._around_own()
        for one in _widened(said, self._wide(), self.known):
            self._add(one)
        for network, told in self.evidence.guests.items():
            if not self._is_placed(network):
                self._add(Placed(network, self._bridge(told), told, "its sources are translated wherever they go"))
        named = self.evidence.named
        for network in sorted(named, key=is_one):
            self._unplaced(network, *named[network])
        self._drop_parts()

    def _said(self) -> Iterator[Placed]:
        """What rules say that name an interface and a network together, each network where most is said."""
        best: dict[Network, tuple[int, int, Placed]] = {}
        for interface in sorted(self.evidence.behind, key=lambda name: name != self.uplinks[0]):
            for network, (weight, count, told) in self.evidence.behind[interface].items():
                against = (interface, network) in self.evidence.not_behind
                if interface not in self.interfaces or (against and weight <= _PLAINLY):
                    continue
                if network not in best or best[network][:2] < (weight, count):
                    best[network] = weight, count, Placed(network, interface, told, weight=weight)
        for _, _, one in best.values():
            if not self._by_default(one):
                yield one

    def _by_default(self, one: Placed) -> bool:
        """Whether it is where the default route leads anyway, and not said to be the uplink's own network."""
        return one.interface == self.uplinks[0] and not is_private(one.network) and one.weight <= _PLAINLY

    def _usual(self) -> None:
        """What the makers of bridges give them, where rules name it in no other place."""
        for name in self.interfaces:
            network = usual_network(name)
            if network is None or any(one.interface == name for one in self.placed) or self._is_placed(network):
                continue
            self._add(Placed(network, name, self.evidence.interfaces[name], "this is what its maker gives it"))

    def _around_own(self) -> None:
        """Private networks of the host's own addresses on interfaces that rules name with them."""
        wide = self._wide()
        for own in self.evidence.own:
            around = wide.around(own.address)
            size = _lan_of(own.address) if around is None or is_wide(around) else around
            if own.interface is not None and own.interface in self.interfaces and is_private(own.address):
                why = f"this host has {own.address.network_address} there"
                self._add(Placed(size, own.interface, own.told, why, _PLAINLY))

    def _wide(self) -> Networks:
        """Networks that an address may be of: those that are placed, and those that rules name in no place."""
        named = (network for network in self.evidence.named if not is_one(network) and network not in _CLASSES)
        return Networks((*(one.network for one in self.placed), *named))

    def _is_placed(self, network: Network) -> bool:
        return self._has.around(network) is not None or self.known.around(network) is not None

    def _add(self, one: Placed) -> None:
        if one.network not in self._has:
            self._has.add(one.network)
            self._counts[one.interface] += 1
            self.placed.append(one)
            around = one.network
            while around not in self._with_parts:  # of what is in it, all that is around it is too
                self._with_parts.add(around)
                around = around.supernet()

    def _bridge(self, told: Told) -> str:
        """A bridge for guests: one that rules name and that has no network yet, else one that is made."""
        taken = {one.interface for one in self.placed}
        free = next((name for name in self.interfaces if name.startswith("virbr") and name not in taken), None)
        return free or self._make("virbr", told, "its guests need a bridge, and no rule names one")

    def _make(self, stem: str, told: Told, why: str) -> str:
        name = next(name for number in range(len(self.interfaces) + 1) if (name := f"{stem}{number}") not in self.interfaces)
        self.interfaces.append(name)
        self.made[name] = told, why
        return name

    def _unplaced(self, named: Network, hooks: frozenset[str], told: Told) -> None:
        """A private network, or the network of an address, that no rule names with an interface."""
        if named in _CLASSES or not is_private(named) or self._is_placed(named) or self._is_of_several(named):
            return
        network = _lan_of(named) if is_one(named) else named
        is_forwarded = not hooks <= {"input", "output"}
        found = self._one_armed(network) or self._free(is_forwarded=is_forwarded)
        if found is not None:
            name, why = found
        elif is_forwarded and len(self.interfaces) == len(self.uplinks):
            name, why = self._make("lan", told, "no rule names an interface for it"), "no rule names an interface for it"
        else:
            return  # the default route leads there
        of = f"rules name {named.network_address} there, and " if network != named else ""
        self._add(Placed(network, name, told, f"{of}{why}"))

    def _is_of_several(self, named: Network) -> bool:
        """Whether it is said where parts of it are, or on which interface it is the host's own."""
        own = any(one.address == named and one.interface is not None for one in self.evidence.own) if is_one(named) else False
        return own or named in self._with_parts

    def _drop_parts(self) -> None:
        """Take away networks that are a part of another behind the same interface, unless that is wider than any LAN is."""
        whole: dict[str, Networks] = {}
        for one in self.placed:
            if not is_wide(one.network):
                whole.setdefault(one.interface, Networks()).add(one.network)
        self.placed[:] = [
            one for one in self.placed
            if one.interface not in whole or not one.network.prefixlen
            or whole[one.interface].around(one.network.supernet()) is None
        ]  # fmt: skip

    def _one_armed(self, network: Network) -> tuple[str, str] | None:
        """The only interface of a host of which no rule names one, where an address of the network is its own."""
        own = any(is_within(one.address, network) for one in self.evidence.own)
        alone = len(self.interfaces) == 1 and self.interfaces[0] not in self.evidence.interfaces
        return (self.interfaces[0], "no rule names an interface") if own and alone else None

    def _free(self, *, is_forwarded: bool) -> tuple[str, str] | None:
        """The interface that a network is most likely behind which no rule names with one."""
        counts = self._counts
        inner = [name for name in self.interfaces if name not in self.uplinks and not _is_of_containers(name)]
        empty = [name for name in inner if not counts[name] and (is_forwarded or not leads_inside(name))]
        if len(empty) == 1 or (empty and not any(counts[name] for name in inner)):
            plain = [name for name in empty if not leads_inside(name)] or empty
            return plain[0], f"no rule says where it is, and nothing else is behind {plain[0]}"
        full = [name for name in inner if counts[name]]
        if not full:
            return None
        most = max(full, key=lambda name: (not leads_inside(name), counts[name]))
        return most, f"no rule says where it is, and {most} has most private networks"


def _lan_of(one: Network) -> Network:
    """The network of an address, of the size that LANs usually have."""
    return ip_network((one.network_address, _LAN[one.version]), strict=False)


def _is_of_containers(name: str) -> bool:
    return is_of_docker(name) or kind_of(name) == "veth" or usual_network(name) is not None or name.startswith("virbr")


def _widened(said: Iterable[Placed], wide: Networks, known: Networks) -> Iterator[Placed]:
    """Networks for single addresses: one that rules name around them, else the usual size of a LAN."""
    groups: dict[tuple[str, Network], list[Placed]] = {}
    for one in said:
        if is_one(one.network) and known.around(one.network) is None:
            around = wide.around(one.network) or _lan_of(one.network)
            groups.setdefault((one.interface, around), []).append(one)
    most: dict[Network, int] = {}
    for (_, network), group in groups.items():
        most[network] = max(most.get(network, 0), len(group))
    for (interface, network), group in groups.items():
        if len(group) == most[network]:
            most[network] += 1  # of two that are alike the first has it
            size = network if is_private(network) or network in wide else _smallest(group)
            yield Placed(size, interface, group[0].told, f"rules name {group[0].network.network_address} there")


def _smallest(group: Sequence[Placed]) -> Network:
    """The smallest network around addresses that somebody may have been given."""
    network = ip_network((group[0].network.network_address, _LEAST[group[0].network.version]), strict=False)
    while not all(is_within(one.network, network) for one in group):
        network = network.supernet()
    return network
