"""The ends of a flow: what the words after ``from`` and ``to`` stand for on a topology."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_network

from lab.spec.cell import Sender, Target
from lab.spec.matrix import Place
from lab.spec.messages import did_you_mean
from lab.spec.topology import Topology
from lab.spec.words import is_address

FAMILY = 4


class Ends:
    """Resolves words on ``topology``; ``under_test`` are the nodes that have a policy.

    ``role:R`` and ``net:N`` after ``from`` leave out the node under test: they mean the hosts there, not the gateway between
    them.  After ``to`` they include it.  A prefix stands for the first of its addresses that a node has, else for its first
    host.  Raises ValueError: what is wrong, and in a second line what was meant.
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
                    raise ValueError(f"{target.address} cannot send: no node has it\n{self._how_to_send(target.address)}")
                found.setdefault((target.node, target.address), Sender(target.node, target.address, target.label))
        if not found:
            raise ValueError(f"{self._shown(words)} selects no node that could send")
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

    def _how_to_send(self, address: str) -> str:
        owners = self._topology.owners(address)
        if len(owners) > 1:
            return f"several nodes could: say {{at: {owners[0]}, address: {address}}}"
        return f"to send from a foreign address, say from: NODE, source: {address}"

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
            yield Target(word, self._topology.owner(word), word)
        else:
            node, at, interface = word.partition("@")
            yield from self._node(node, interface if at else None)

    def _place(self, place: Place) -> Target:
        if place.at not in self._topology.nodes:
            raise ValueError(f"there is no node {place.at!r}\n{did_you_mean(place.at, self._topology.nodes, 'the nodes')}")
        if not is_address(place.address):
            raise ValueError(f"{place.address!r} is not an address")
        owners = self._topology.owners(place.address)
        if place.at not in owners and not self._topology.nodes[place.at].anyip:
            raise ValueError(f"{place.at} does not have {place.address}")
        return Target(place.address, place.at, place.address)

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
        for address in addresses:
            label = word if len(addresses) == 1 else f"{word}/{address}"
            yield Target(address, self._topology.owner(address), label)

    def _prefix(self, word: str) -> Target:
        try:
            prefix = ip_network(word)
        except ValueError:
            raise ValueError(f"{word!r} is not a prefix like 10.0.1.0/24") from None
        for name in self._topology.nodes:
            for address in self._topology.addresses(name, prefix.version):
                if ip_network(address).subnet_of(prefix):  # type: ignore[arg-type]
                    return Target(address, name, word)
        first = str(next(prefix.hosts(), prefix.network_address))
        return Target(first, self._topology.owner(first), word)

    def _node(self, node: str, interface: str | None) -> Iterator[Target]:
        spec = self._topology.nodes.get(node)
        if spec is None:
            known = [*self._topology.nodes, *self._topology.names]
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
