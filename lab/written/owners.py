"""Whose an address is: of the node that has it, or of those that stand for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from lab.written.words import Address, Network

if TYPE_CHECKING:
    from lab.written.topology import NodeSpec


class Owners:
    """The owners of addresses on these ``networks``; ``network_of`` tells on which of them an address lies."""

    def __init__(
        self, nodes: Mapping[str, NodeSpec], networks: Mapping[str, tuple[Network, ...]],
        network_of: Callable[[Address], str | None],
    ) -> None:  # fmt: skip
        self._nodes, self._networks, self._network_of = nodes, networks, network_of

    @cached_property
    def _had(self) -> dict[Address, str]:
        return {
            address.ip: name
            for name, node in self._nodes.items()
            for interface in node.interfaces.values()
            for address in interface.addresses
        }

    def of(self, address: Address) -> tuple[str, ...]:
        """The nodes that an address may belong to: the one that has it, else the anyip nodes that stand for it best.

        A listed prefix goes before ``anyip: true``, a longer prefix before a shorter one.  An address inside one of the
        lab's networks that no node has belongs to who stands for that network (`stands_in`), else to nobody.  Of nodes that
        stand for the same hosts (``same-as``) it is one.
        """
        if (owner := self._had.get(address)) is not None:
            return (owner,)
        network = self._network_of(address)
        if network is not None and self._means_no_host(network, address):
            return ()
        lengths: dict[str, int] = {}
        for name in self._anyip if network is None else self._standing.get((network, address.version), ()):
            if self.answers_for(name, address):
                anyip = self._nodes[name].anyip
                prefixes = () if isinstance(anyip, bool) else anyip
                lengths[name] = max((network.prefixlen for network in prefixes if address in network), default=-1)
        best = max(lengths.values(), default=0)
        return self._but_for_same(tuple(name for name, length in lengths.items() if length == best))

    def _but_for_same(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The names, but for nodes that stand for the same hosts as one of them."""
        if len(names) < 2 or not any(self._nodes[name].same_as for name in names):
            return names
        firsts: dict[str, str] = {}
        for name in sorted(names, key=lambda name: self._nodes[name].same_as is not None):
            firsts.setdefault(self._nodes[name].same_as or name, name)
        return tuple(name for name in names if name in firsts.values())

    def also(self, name: str, address: Address) -> tuple[str, ...]:
        """The other nodes at which what ``name`` stands for is too, where this address is beyond the lab's networks."""
        first = self._nodes[name].same_as or name
        others = [other for other in self._anyip if other != name and first in (other, self._nodes[other].same_as)]
        if not others or self._network_of(address) is not None:
            return ()
        return tuple(other for other in others if self.answers_for(other, address))

    def holder(self, address: Address) -> str | None:
        """The node that has this very address on an interface."""
        return self._had.get(address)

    def stands_for(self, name: str, address: Address) -> bool:
        """Whether the node is an anyip one that could own this address, as nobody has it.

        ``anyip: true`` is for the families that the node has an address of.
        """
        network = self._network_of(address)
        if network is None:
            return self.answers_for(name, address)
        if address in self._had or self._means_no_host(network, address):
            return False
        return self.stands_in(name, network, address.version) and self.answers_for(name, address)

    def stands_in(self, name: str, network: str, family: int) -> bool:
        """Whether the node stands for addresses of a network that nobody has: it is on it, and lists a part of it as anyip."""
        return name in self._standing.get((network, family), ())

    def stood_for(self, name: str, network: str, family: int) -> tuple[Network, ...]:
        """The parts of a network that a node stands for; none where it does not (`stands_in`)."""
        if not self.stands_in(name, network, family):
            return ()
        anyip, prefixes = self._nodes[name].anyip, [one for one in self._networks[network] if one.version == family]
        listed = () if isinstance(anyip, bool) else [one for one in anyip if one.version == family]
        parts = [own for own in prefixes if any(own.subnet_of(one) for one in listed)]  # type: ignore[arg-type]
        return (*parts, *(one for one in listed if any(one != own and one.subnet_of(own) for own in prefixes)))  # type: ignore[arg-type]

    @cached_property
    def _anyip(self) -> tuple[str, ...]:
        return tuple(name for name, node in self._nodes.items() if node.anyip)

    def answers_for(self, name: str, address: Address) -> bool:
        """Whether a node is an anyip one whose prefixes have the address, wherever that lies."""
        node = self._nodes[name]
        if isinstance(node.anyip, bool):
            return node.anyip and bool(node.addresses(address.version))
        return any(address in prefix for prefix in node.anyip)

    @cached_property
    def _standing(self) -> dict[tuple[str, int], tuple[str, ...]]:
        found: dict[tuple[str, int], tuple[str, ...]] = {}
        for name in self._anyip:
            node = self._nodes[name]
            for network in dict.fromkeys(interface.network for interface in node.interfaces.values()):
                for family in {prefix.version for prefix in _inside(node.anyip, self._networks.get(network, ()))}:
                    found[network, family] = (*found.get((network, family), ()), name)
        return found

    def _means_no_host(self, network: str, address: Address) -> bool:
        """Whether an address is its network's own or its broadcast address, which no host can have."""
        prefix = next((one for one in self._networks.get(network, ()) if address in one), None)
        if prefix is None or prefix.prefixlen >= prefix.max_prefixlen - 1:
            return False
        return address == prefix[0] or (address.version == 4 and address == prefix[-1])


def _inside(anyip: bool | tuple[Network, ...], prefixes: tuple[Network, ...]) -> Iterator[Network]:  # noqa: FBT001 - as written
    """What of ``anyip`` lies inside one of a network's prefixes."""
    for one in () if isinstance(anyip, bool) else anyip:
        if any(one.version == own.version and one.subnet_of(own) for own in prefixes):  # type: ignore[arg-type]
            yield one
