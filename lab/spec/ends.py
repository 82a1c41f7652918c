"""The ends of a flow: what the words after ``from`` and ``to`` stand for on a topology."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network

from lab.spec.cell import Sender, Target
from lab.spec.fields import Place
from lab.spec.messages import did_you_mean
from lab.spec.topology import Topology
from lab.spec.words import Address, is_address, parse_network, refused

FAMILY = 4


def _judged(address: Address) -> Address:
    """The address, if it is one that this version can probe; otherwise a ValueError."""
    if address.version != FAMILY:
        raise ValueError(f"not yet: {address}: IPv6 is not judged in this version")
    if why := refused(address):
        raise ValueError(f"{address} cannot be an end of a flow: {why}")
    return address


def _looks_like_an_address(word: str) -> bool:
    return word.replace(".", "").isdigit()


class Ends:
    """Resolves words on ``topology``; ``under_test`` are the nodes that have a policy.

    ``role:R`` and ``net:N`` after ``from`` leave out the node under test: they mean the hosts there, not the gateway between
    them.  After ``to`` they include it.  A prefix stands for the first address in it that a node has (the
    nodes under test last), else for its first host.  Raises ValueError: what is wrong, and in a second line what was meant.
    """

    def __init__(self, topology: Topology, under_test: Sequence[str]) -> None:
        self._topology = topology
        self._under_test = frozenset(under_test)

    def senders(self, words: Sequence[str | Place]) -> list[Sender]:
        """The senders that ``words`` stand for, each once."""
        found: dict[tuple[str, str], Sender] = {}
        for word in words:
            group = isinstance(word, str) and word.startswith(("role:", "net:"))
            for target in self._resolve(word):
                if group and target.node in self._under_test:
                    continue
                if target.node is None:
                    how = f"to send from a foreign address, say from: NODE, source: {target.address}"
                    raise ValueError(f"{target.address} cannot send: no node has it\n{how}")
                found.setdefault((target.node, target.address), Sender(target.node, target.address, target.label))
        if not found:
            what = f"{self._shown(words)} selects no node that could send"
            raise ValueError(f"{what}\nrole: and net: leave out the node under test here: to send from it, name it")
        return list(found.values())

    def targets(self, words: Sequence[str | Place]) -> list[Target]:
        """The targets that ``words`` stand for, each once."""
        found: dict[str, Target] = {}
        for word in words:
            for target in self._resolve(word):
                found.setdefault(target.address, target)
        if not found:
            raise ValueError(f"{self._shown(words)} selects no address")
        return list(found.values())

    def _shown(self, words: Sequence[str | Place]) -> str:
        return ", ".join(word if isinstance(word, str) else f"{word.at}:{word.address}" for word in words)

    def _resolve(self, word: str | Place) -> Iterator[Target]:
        if isinstance(word, Place):
            yield self._place(word)
        elif word.startswith("role:"):
            yield from self._role(word)
        elif word.startswith("net:"):
            yield from self._network(word)
        elif word in self._topology.names:
            yield from self._name(word)
        elif "/" in word:
            yield self._prefix(word)
        elif is_address(word):
            yield self._address(word)
        else:
            node, at, interface = word.partition("@")
            yield from self._node(node, interface if at else None)

    def _place(self, place: Place) -> Target:
        if place.at not in self._topology.nodes:
            raise ValueError(f"there is no node {place.at!r}\n{did_you_mean(place.at, self._topology.nodes, 'the nodes')}")
        if not is_address(place.address):
            raise ValueError(f"{place.address!r} is not an address")
        address = _judged(ip_address(place.address))
        if place.at not in self._topology.owners(place.address) and not self._stands_for(place.at, address):
            raise ValueError(f"{place.at} does not have {place.address}")
        return Target(str(address), place.at, place.address)

    def _stands_for(self, node: str, address: Address) -> bool:
        """Whether the node is an anyip one that could own an address beyond the networks."""
        anyip = self._topology.nodes[node].anyip
        beyond = self._topology.network_of(str(address)) is None
        return beyond and (anyip is True or (anyip is not False and any(address in prefix for prefix in anyip)))

    def _address(self, word: str) -> Target:
        address = str(_judged(ip_address(word)))
        owners = self._topology.owners(address)
        if len(owners) > 1:
            raise ValueError(
                f"{word} could be at {' or '.join(owners)}\nsay which: {{at: {owners[0]}, address: {word}}}"
            )
        return Target(address, owners[0] if owners else None, word)

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
            alone = len(self._topology.nodes[node].addresses(FAMILY)) == 1
            yield from self._node(node, None if alone else interface)

    def _name(self, word: str) -> Iterator[Target]:
        addresses = [str(address) for address in self._topology.names[word] if address.version == FAMILY]
        if not addresses:
            raise ValueError(f"not yet: {word} has IPv6 addresses only, and IPv6 is not judged in this version")
        for address in addresses:
            label = word if len(addresses) == 1 else f"{word}/{address}"
            yield replace(self._address(address), label=label)

    def _prefix(self, word: str) -> Target:
        prefix = parse_network(word)
        if prefix.version != FAMILY:
            raise ValueError(f"not yet: {word}: IPv6 is not judged in this version")
        # The hosts of a network are meant, before the gateway that has an address there too.
        for name in sorted(self._topology.nodes, key=self._under_test.__contains__):
            for address in self._topology.addresses(name, prefix.version):
                if ip_network(address).subnet_of(prefix):  # type: ignore[arg-type]
                    return Target(address, name, word)
        first = str(next(iter(prefix.hosts()), prefix.network_address))
        return replace(self._address(first), label=word)

    def _node(self, node: str, interface: str | None) -> Iterator[Target]:
        spec = self._topology.nodes.get(node)
        if spec is None:
            known = [*self._topology.nodes, *self._topology.names]
            if _looks_like_an_address(node):
                raise ValueError(f"{node!r} is not an address like 192.0.2.7")
            raise ValueError(f"there is no node or name {node!r}\n{did_you_mean(node, known, 'nodes and names')}")
        if interface is not None and interface not in spec.interfaces:
            raise ValueError(f"{node} has no interface {interface!r}\nit has {', '.join(spec.interfaces)}")
        chosen = spec.interfaces if interface is None else {interface: spec.interfaces[interface]}
        alone = sum(len(port.of_family(FAMILY)) for port in spec.interfaces.values()) == 1
        for name, port in chosen.items():
            addresses = port.of_family(FAMILY)
            for address in addresses:
                label = node if alone else f"{node}@{name}" if len(addresses) == 1 else f"{node}@{name}/{address.ip}"
                yield Target(str(address.ip), node, label)
