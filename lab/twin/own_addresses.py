"""The host's own addresses: those that rules say are its own, and one for each network where none does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv6Interface, ip_interface, ip_network
from typing import NamedTuple

from lab.errors import InputError, Problem
from lab.twin.evidence import Evidence, Own
from lab.twin.kinds import is_of_docker, is_private, is_within, kind_of
from lab.twin.networks import Networks
from lab.twin.placing import Placed, is_wide
from lab.twin.told import Told
from lab.written.words import Address, Network

_LAN = {4: 24, 6: 64}
_DOCUMENTED = ("198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/24")


class Invented(NamedTuple):
    """Networks for interfaces that rules say nothing of: from which prefix, and how long."""

    of: str
    length: int


_INVENTED = {
    4: tuple(Invented(of, 24) for of in ("10.254.0.0/16", "172.30.0.0/16", "192.168.192.0/18", "10.0.0.0/8")),
    6: (Invented("2001:db8:fe00::/40", 64),),
}
_OF_BRIDGES = (Invented("172.18.0.0/15", 16), *_INVENTED[4])


@dataclass(frozen=True, slots=True)
class Addressed:
    """One address of an interface with its network; ``said`` is the rule that says it is the host's, None where none does."""

    interface: str
    address: IPv4Interface | IPv6Interface
    said: Told | None = None
    of: Told | None = None
    gateway: Address | None = None
    invented: bool = False
    """Whether the network is invented too."""
    is_known: bool = False
    """Whether a dump has it."""


@dataclass(slots=True)
class Addressing:
    """Gives every interface an address in each family: ``taken`` are networks that are in use or that rules name."""

    evidence: Evidence
    uplinks: Sequence[str]
    placed: Sequence[Placed]
    taken: Networks
    hosts: set[Address]
    addressed: list[Addressed] = field(default_factory=list)
    _own: list[Own] = field(default_factory=list)
    _on_link: Networks = field(default_factory=Networks)

    def run(self, interfaces: Sequence[str], families: Sequence[int]) -> None:
        """Addresses for these interfaces."""
        best: dict[Network, Own] = {}
        for one in sorted(self.evidence.own, key=lambda own: -own.weight):
            best.setdefault(one.address, one)
        for family in families:
            self._own = [one for one in best.values() if one.address.version == family]
            at = {name: list(self._owned(name, interfaces)) for name in interfaces}
            for name in interfaces:
                for own, network in at[name]:
                    self._give(name, own, network)
            for name in interfaces:
                self._for_its_networks(name, family)
            for name in interfaces:
                if not any(one.interface == name and one.address.version == family for one in self.addressed):
                    self._invent(name, family)

    def gateway_by(self, name: str, family: int) -> Address | None:
        """The next hop by an interface; None where the host has no address of the family there."""
        found = [one for one in self.addressed if one.interface == name and one.address.version == family]
        return self.gateway(found[0]) if found else None

    def gateway(self, one: Addressed) -> Address | None:
        """The next hop on the network of an address: one that was found for it, else one that is free."""
        if one.gateway is not None or one.address.network.num_addresses < 3:
            return one.gateway
        return self._free_in(one.address.network, one.address.ip)

    def _owned(self, name: str, interfaces: Sequence[str]) -> Iterator[tuple[Own, Network]]:
        """The host's own addresses on an interface, each with its network."""
        for own in self._own:
            around = [one for one in self.placed if is_within(own.address, one.network)]
            longest = max(around, key=lambda one: one.network.prefixlen, default=None)
            at = own.interface if own.interface in interfaces else longest.interface if longest else None
            # what is published is asked for from inside too, where it is not
            is_published = own.told.rule.translates == "destination" and not is_private(own.address)
            at = None if is_published and at not in self.uplinks and longest is None else at
            at = self.uplinks[0] if at is None else at
            if at == name:
                on = longest if longest is not None and longest.interface == name else None
                wide = on is None or is_wide(on.network)
                lan = ip_network((own.address.network_address, _LAN[own.address.version]), strict=False)
                yield own, lan if wide or on is None else on.network

    def _give(self, name: str, own: Own, network: Network) -> None:
        address = own.address.network_address
        if network in self._on_link and self._is_at(name, network):
            self._add(name, address, network, own.told, own.told)
        elif not self._on_link.overlap(network):
            self._on_link.add(network)
            self._add(name, address, network, own.told, own.told)

    def _is_at(self, name: str, network: Network) -> bool:
        return any(one.interface == name and one.address.network == network for one in self.addressed)

    def _for_its_networks(self, name: str, family: int) -> None:
        """An address in the first network behind it that it can be on, unless it has one in such a network."""
        if any(one.interface == name and one.address.version == family for one in self.addressed):
            return
        networks = [one for one in self.placed if one.interface == name and one.network.version == family]
        for one in sorted(networks, key=lambda one: -one.weight):
            network = self._within(one.network, whole=kind_of(name) == "bridge")
            if network is not None:
                self._on_link.add(network)
                self._add(name, self._free_in(network), network, None, one.told)
                return

    def _within(self, network: Network, *, whole: bool) -> Network | None:
        """The network itself; of what is too wide for one, unless it is a bridge's ``whole``, the first part that is free."""
        length = _LAN[network.version]
        alone = not any(one.network != network and is_within(one.network, network) for one in self.placed)
        if not is_wide(network) or (whole and alone):
            return None if self._on_link.overlap(network) or network.num_addresses < 4 else network
        parts = (ip_network((int(network.network_address) + (number << (network.max_prefixlen - length)), length))
                 for number in range(min(256, 1 << (length - network.prefixlen))))  # fmt: skip
        return next((part for part in parts if not self._on_link.overlap(part)), None)

    def _invent(self, name: str, family: int) -> None:
        told = self.evidence.interfaces.get(name)
        network = self._invented(name, family)
        self._on_link.add(network)
        self.taken.add(network)
        own = self._free_in(network) if name not in self.uplinks else network[2]
        self._add(name, own, network, None, told, invented=True)

    def _invented(self, name: str, family: int) -> Network:
        if name in self.uplinks and family == 4:
            for written in _DOCUMENTED:
                if not self.taken.overlap(documented := ip_network(written)):
                    return documented
        for of, length in _OF_BRIDGES if is_of_docker(name) and family == 4 else _INVENTED[family]:
            whole = ip_network(of)
            step, first = 1 << (whole.max_prefixlen - length), int(whole.network_address)
            parts = (ip_network((first + number * step, length)) for number in range(1 << length - whole.prefixlen))
            free = next((part for part in parts if not self.taken.overlap(part) and not self._on_link.overlap(part)), None)
            if free is not None:
                return free
        raise InputError(Problem(f"rules name so much that no network is left to be made up for {name}", mend="give `ip addr`"))

    def _free_in(self, network: Network, but: Address | None = None) -> Address:
        """An address that no rule names: the first or the last host's, as routers have it; where all are named, not ``but``."""
        last = network[-2] if network.version == 4 else network[-1]
        tried = (network[1], last, *(network[number] for number in range(2, min(network.num_addresses - 1, 256))))
        own = {one.address.ip for one in self.addressed} | {but}
        return next((one for one in tried if one not in self.hosts), next(one for one in tried[:3] if one not in own))

    def _add(
        self, name: str, address: Address, network: Network, said: Told | None, of: Told | None, *, invented: bool = False
    ) -> None:
        self.hosts.add(address)
        same = (one.gateway for one in self.addressed if one.interface == name and one.address.network == network)
        gateway = next(same, None) or self._free_in(network, address)
        self.hosts.add(gateway)
        whole = ip_interface(f"{address}/{network.prefixlen}")
        self.addressed.append(Addressed(name, whole, said, of, gateway, invented))
