"""The ends of a flow: what the words after ``from`` and ``to`` stand for on a topology."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address

from lab.written.address_range import AddressRange, is_range, parse_range
from lab.written.cell import FAMILIES, Sender, Target
from lab.written.fields import Place
from lab.written.interface import Interface
from lab.written.messages import did_you_mean
from lab.written.topology import NodeSpec, Topology
from lab.written.words import (
    LIMITED_BROADCAST,
    Address,
    Network,
    is_address,
    is_loopback,
    parse_address,
    parse_network,
    refused,
)

_LOOPBACK = "lo"  # every node has it, and it is no interface that a topology names
_OF_IPV6 = re.compile(r"[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:")


def _end(word: str) -> Address:
    """The address that is written, if it can be an end of a flow; otherwise a ValueError."""
    address = parse_address(word)
    if is_loopback(str(address)) or word == LIMITED_BROADCAST:
        return address
    if why := refused(address):
        raise ValueError(f"{word} cannot be an end of a flow: {why}")
    return address


def is_group(word: str | Place) -> bool:
    """Whether a word stands for whoever is there, and names nobody."""
    return isinstance(word, str) and word.startswith(("role:", "net:"))


class Ends:
    """Resolves words on ``topology`` in one ``family``; ``under_test`` are the nodes that have a policy.

    A word that stands for nothing in the family gives nothing.

    ``role:R`` and ``net:N`` after ``from`` leave out the node under test: they mean the hosts there, not the gateway between
    them.  After ``to`` they include it.  A prefix or a range stands for the first address in it that a node has (the
    nodes under test last), else for its first host.  Raises ValueError: what is wrong, and in a second line what was meant.
    """

    def __init__(self, topology: Topology, under_test: Sequence[str], family: int) -> None:
        self._topology = topology
        self._family = family
        self._under_test = frozenset(under_test)
        self._resolved: dict[str, tuple[Target, ...]] = {}

    def is_name(self, word: str | Place) -> bool:
        """Whether a word is one of the topology's names for addresses, which may be of another node in the other family."""
        return isinstance(word, str) and word in self._topology.names

    def senders(self, words: Sequence[str | Place]) -> list[Sender]:
        """The senders that ``words`` stand for, each once."""
        found: dict[tuple[str, str], Sender] = {}
        for word in words:
            group = is_group(word)
            for target in self._known(word):
                if group and target.node in self._under_test:
                    continue
                if target.address == LIMITED_BROADCAST:
                    raise ValueError(f"{target.address} cannot send: it is everybody's")
                if target.node is None and is_loopback(target.address):
                    raise ValueError(f"{target.address} is every node's own\nto send from it, say whose: from: NODE@lo")
                if target.node is None:
                    how = f"to send from a foreign address, say from: NODE, source: {target.address}"
                    raise ValueError(f"{target.address} cannot send: no node has it\n{how}")
                found.setdefault((target.node, target.address), Sender(target.node, target.address, target.label))
        return list(found.values())

    def targets(self, words: Sequence[str | Place]) -> list[Target]:
        """The targets that ``words`` stand for, each once."""
        found: dict[tuple[str, str | None], Target] = {}
        for word in words:
            for target in self._known(word):
                found.setdefault((target.address, target.node if is_loopback(target.address) else None), target)
        return list(found.values())

    def _known(self, word: str | Place) -> Sequence[Target]:
        """What a word stands for; the rows of a matrix say the same few words again and again."""
        if isinstance(word, Place):
            return tuple(self._resolve(word))
        if word not in self._resolved:
            self._resolved[word] = tuple(self._resolve(word))
        return self._resolved[word]

    def _resolve(self, word: str | Place) -> Iterator[Target]:
        if isinstance(word, Place):
            yield from self._place(word)
        elif word.startswith("role:"):
            yield from self._role(word)
        elif word.startswith("net:"):
            yield from self._network(word)
        elif word in self._topology.names:
            yield from self._name(word)
        elif "/" in word:
            yield from self._first_in(parse_network(word), word)
        elif is_range(word):
            yield from self._first_in(parse_range(word), word)
        elif is_address(word):
            yield from self._address(word)
        else:
            node, at, interface = word.partition("@")
            yield from self._node(node, interface if at else None)

    def _place(self, place: Place) -> Iterator[Target]:
        if place.at not in self._topology.nodes:
            raise ValueError(f"there is no node {place.at!r}\n{did_you_mean(place.at, self._topology.nodes, 'the nodes')}")
        if not is_address(place.address):
            raise ValueError(f"{place.address!r} is not an address")
        address = _end(place.address)
        if address.version != self._family:
            return
        has = is_loopback(str(address)) or place.at in self._topology.owners(place.address)
        if not has and not self._topology.stands_for(place.at, address):
            raise ValueError(f"{place.at} does not have {place.address}")
        yield Target(str(address), place.at, place.address)

    def _address(self, word: str) -> Iterator[Target]:
        address = _end(word)
        if address.version != self._family:
            return
        if word == LIMITED_BROADCAST:
            yield Target(word, None, word)
            return
        owners = () if is_loopback(str(address)) else self._topology.owners(word)
        if len(owners) > 1:
            raise ValueError(
                f"{word} could be at {' or '.join(owners)}\nsay which: {{at: {owners[0]}, address: {word}}}"
            )
        also = self._topology.also(owners[0], word) if owners else ()
        yield Target(str(address), owners[0] if owners else None, word, also)

    def _role(self, word: str) -> Iterator[Target]:
        role = word.removeprefix("role:")
        roles = self._topology.roles()
        if role not in roles:
            raise ValueError(f"no node has the role {role!r}\n{did_you_mean(role, roles, 'the roles')}")
        for node in roles[role]:
            yield from self._node(node, None)

    def _network(self, word: str) -> Iterator[Target]:
        network = word.removeprefix("net:")
        if network not in self._topology.networks:
            raise ValueError(
                f"there is no network {network!r}\n{did_you_mean(network, self._topology.networks, 'the networks')}"
            )
        for node, interface, _ in self._topology.on_network(network):
            yield from self._node(node, interface)

    def _name(self, word: str) -> Iterator[Target]:
        addresses = [str(address) for address in self._topology.names[word] if address.version == self._family]
        for address in addresses:
            label = word if len(addresses) == 1 else f"{word}/{address}"
            yield from (replace(target, label=label) for target in self._address(address))

    def _first_in(self, these: Network | AddressRange, word: str) -> Iterator[Target]:
        if these.version != self._family:
            return
        # The hosts of a network are meant, before the gateway that has an address there too.
        for name in sorted(self._topology.nodes, key=self._under_test.__contains__):
            for address in self._topology.addresses(name, these.version):
                if ip_address(address) in these:
                    yield Target(address, name, word)
                    return
        first = these.first if isinstance(these, AddressRange) else next(iter(these.hosts()), these.network_address)
        yield from (replace(target, label=word) for target in self._address(str(first)))

    def _node(self, node: str, interface: str | None) -> Iterator[Target]:
        spec = self._topology.nodes.get(node)
        if spec is None:
            known = [*self._topology.nodes, *self._topology.names]
            if node.replace(".", "").isdigit() or _OF_IPV6.match(node):
                raise ValueError(f"{node!r} is not an address like {'2001:db8::7' if ':' in node else '192.0.2.7'}")
            raise ValueError(f"there is no node or name {node!r}\n{did_you_mean(node, known, 'nodes and names')}")
        if interface == _LOOPBACK:
            if spec.addresses(self._family):
                yield Target("127.0.0.1" if self._family == 4 else "::1", node, f"{node}@{_LOOPBACK}")
            return
        if interface is not None and interface not in spec.interfaces:
            raise ValueError(f"{node} has no interface {interface!r}\nit has {', '.join(spec.interfaces)}")
        chosen = spec.interfaces if interface is None else {interface: spec.interfaces[interface]}
        for name, port in chosen.items():
            addresses = port.of_family(self._family)
            label = _label(node, spec, name, port)
            for address in addresses:
                yield Target(str(address.ip), node, label if len(addresses) == 1 else f"{node}@{name}/{address.ip}")


def _label(node: str, spec: NodeSpec, name: str, port: Interface) -> str:
    """What an interface's only address of a family is called: alike in both families, as far as they have it alike."""
    one_each = all(len(spec.addresses(family)) <= 1 for family in FAMILIES)
    alone = all(other is port for other in spec.interfaces.values() if other.addresses)
    return node if one_each or alone else f"{node}@{name}"
