"""The classes of addresses at both ends of a service, and who asks and is asked for each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from ipaddress import ip_address
from itertools import islice
from typing import NamedTuple

from lab.ruleset.addresses import Addresses, of_networks, read_addresses
from lab.study.classes import AddressClass, Partition, representatives
from lab.study.ends import OWN, Geography
from lab.study.reaching.constants import Constants
from lab.study.sources import NEVER
from lab.study.zones import BEYOND
from lab.written.topology import Topology

_NEVER = 1  # the bit of what no host has: it is the first of the sets
_CHOICE = 2  # an end that asks itself is asked by another address, where there is one


_Speakers = Callable[[int, str], Iterator["End"]]


class End(NamedTuple):
    """Who asks, or is asked, for the class number ``kind`` of its side.

    ``node`` has the address or sends from it, "" where nobody does; ``place`` is the network that it is in or behind, or the
    node under test whose own it is.
    """

    kind: int
    address: str
    node: str
    place: str
    own: bool = False


class Side:
    """The classes of one end, and the ends that speak for them: none for a class that nobody has an address of."""

    def __init__(self, partition: Partition, ends: Iterable[End]) -> None:
        self.partition, self.ends = partition, tuple(ends)

    @cached_property
    def kinds(self) -> Mapping[int, int]:
        """The number of each class, by the sets that its addresses are in."""
        return {one.inside: kind for kind, one in enumerate(self.classes)}

    @property
    def classes(self) -> tuple[AddressClass, ...]:
        """Every class, with those that no host has."""
        return self.partition.classes

    @property
    def unspoken(self) -> Iterator[AddressClass]:
        """The classes that a host could have an address of, and that nobody speaks for."""
        spoken = {end.kind for end in self.ends}
        yield from (one for kind, one in enumerate(self.classes) if kind not in spoken and not one.inside & _NEVER)

    def kind_of(self, number: int) -> int:
        """The class of an address."""
        return self.kinds[self.partition.at(number)]


class Ends:
    """Both sides of one family, where the nodes ``under_test`` have rules.

    ``given`` are the addresses that somebody in their network has to have so that they are answered for.
    """

    def __init__(self, topology: Topology, under_test: Collection[str], family: int, constants: Constants) -> None:
        self.topology, self.family, self.constants = topology, family, constants
        self.geography = Geography(topology, under_test, family)
        self._had = sorted(
            (int(ip_address(address)), address) for name in topology.nodes for address in topology.addresses(name, family)
        )
        self.given: dict[str, str] = {}
        self.sources = self._side(constants.sources, self._asking, 0)
        self.destinations = self._side(constants.destinations, self._asked, 1)
        for address in constants.translated:
            if (":" in address) == (family == 6) and topology.can_send(address):
                self._host(address)

    def classes(self) -> Iterator[tuple[Addresses, int, int]]:
        """The addresses that are in one class of sources and in one of destinations, with the numbers of both."""
        sets = [*self._never(), *self.constants.sources, *self.constants.destinations, *self._places()]
        for one in Partition(self.family, sets).classes:
            if not one.inside & _NEVER:
                low = one.addresses[0][0]
                yield one.addresses, self.sources.kind_of(low), self.destinations.kind_of(low)

    def _never(self) -> Iterator[Addresses]:
        yield of_networks(NEVER, self.family)

    def _places(self) -> Iterator[Addresses]:
        yield from self.geography.sets()
        for name in self.geography.under_test:
            yield read_addresses(self.topology.addresses(name, self.family), self.family)

    def _side(self, named: Sequence[Addresses], ends: _Speakers, choice: int) -> Side:
        partition = Partition(self.family, [*self._never(), *named, *self._places()])
        had: dict[int, list[str]] = {}
        for number, address in self._had:
            had.setdefault(partition.at(number), []).append(address)
        found: list[End] = []
        for kind, one in enumerate(partition.classes):
            if not one.inside & _NEVER:
                known = had.get(one.inside) or list(islice(representatives(one.addresses, self.family, self.topology), _CHOICE))
                if known:
                    found += ends(kind, known[min(choice, len(known) - 1)])
        return Side(partition, found)

    def _asking(self, kind: int, address: str) -> Iterator[End]:
        owner = self.topology.owner(address)
        if owner in self.geography.under_test:
            yield End(kind, address, str(owner), str(owner), own=True)
            return
        seen = set()
        for zone, node in self.geography.senders(address):
            if self.topology.network_of(address) is not None:
                node = self._host(address) or node
            if node not in seen:
                seen.add(node)
                yield End(kind, address, node, zone)

    def _asked(self, kind: int, address: str) -> Iterator[End]:
        to = self.geography.place(address)
        place = BEYOND if to is None else to.name
        if to is not None and to.kind == OWN:
            yield End(kind, address, to.name, place, own=True)
        else:
            yield End(kind, address, self._host(address) or "", place)

    def _host(self, address: str) -> str | None:
        """Who answers for an address: on a network that nobody there has it on, one of its nodes, which is given it."""
        owners = self.topology.owners(address)
        if owners or self.topology.network_of(address) is None:
            return owners[0] if owners else None
        near = self.geography.senders(address)
        if not near:
            return None
        self.given[address] = near[0][1]
        return near[0][1]
