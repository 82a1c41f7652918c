"""Who is meant in a characterisation: ends of flows in an operator's words, and as a row writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.record.exposure import Pair
from lab.twin.build import INTERNET
from lab.twin.twin import Twin

_MOST_SERVICES = 40  # characters of services in a row's name


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one twin."""

    twin: Twin

    @property
    def is_alone(self) -> bool:
        """Whether one host is under test, which no row has to name then."""
        return len(self.twin.hosts) == 1

    def at(self, pair: Pair) -> str | None:
        """The host that a row about the pair is asked at; None where there is but one."""
        return None if self.is_alone else self.owner(pair)

    def is_denied_by_one(self, pair: Pair) -> bool:
        """Whether it is known which host denies what of the pair is denied."""
        owner, networks = self.owner(pair), self.twin.topology.nodes[pair.sender].interfaces.values()
        if self.is_alone or owner not in self.twin.hosts:
            return self.is_alone
        own = {port.network for port in self.twin.topology.nodes[owner].interfaces.values()}
        return not own.isdisjoint(port.network for port in networks)

    def owner(self, pair: Pair) -> str:
        """The node that an address is asked at."""
        return self.twin.topology.owner(pair.address) or pair.target.partition("@")[0]

    def sender(self, pair: Pair) -> str:
        """Who sends, as people say it."""
        return self.senders([pair])

    def target(self, pair: Pair) -> str:
        """Whom it is sent to, as people say it."""
        return self.targets([pair])

    def senders(self, pairs: Sequence[Pair]) -> str:
        """Who sends, all that a row names."""
        first = pairs[0]
        return first.sources if first.sources is not None else self._who([pair.sender for pair in pairs])

    def targets(self, pairs: Sequence[Pair]) -> str:
        """Whom it is sent to, all that a row names: a host, or one address of it."""
        first = pairs[0]
        if first.targets is not None:
            return first.targets
        who = self._who([self.owner(first)])
        return who if len(self._own(first)) == 1 or self.whole(pairs) else f"{who} ({first.address})"

    def _who(self, nodes: Sequence[str]) -> str:
        specs = {node: self.twin.topology.nodes[node] for node in nodes if node in self.twin.topology.nodes}
        behind = [node for node in nodes if node in specs and node not in self.twin.hosts]
        if not behind:
            return " and ".join(nodes)
        said = " or ".join(interface for node in behind for interface in specs[node].interfaces)
        return f"the internet ({said})" if all(specs[node].role == INTERNET for node in behind) else f"who is behind {said}"

    def sender_word(self, pair: Pair) -> object:
        """The sender as a row writes it: its node, where that sends from one address."""
        alone = len(self.twin.topology.nodes[pair.sender].addresses(pair.family)) == 1
        return pair.sender if alone and pair.sources is None else {"at": pair.sender, "address": pair.source}

    def target_word(self, pair: Pair) -> object:
        """The target as a row writes it: an address of its node."""
        node = self.owner(pair)
        known = node in self.twin.topology.nodes and pair.targets is None
        if known and len(self.twin.topology.addresses(node, pair.family)) == 1:
            return node
        alone = self.twin.topology.owners(pair.address) == (node,)
        return pair.address if alone else {"at": node, "address": pair.address}

    def _own(self, pair: Pair) -> tuple[str, ...]:
        node = self.owner(pair)
        return self.twin.topology.addresses(node, pair.family) if node in self.twin.topology.nodes else ()

    def whole(self, pairs: Sequence[Pair]) -> str | None:
        """The node alone, where a row is about each of its addresses."""
        first, own = pairs[0], self._own(pairs[0])
        return self.owner(first) if first.targets is None and own and len(own) == len(pairs) else None

    def is_usual(self, usual: Pair, pair: Pair) -> bool:
        """Whether a pair is the one that a class is held against: the same ends, asked from and at their usual addresses."""
        same_target = usual.address == pair.address if pair.targets is None else self.owner(usual) == self.owner(pair)
        return usual.sender == pair.sender and usual.family == pair.family and same_target

    def services(self, services: Sequence[str]) -> str:
        """Services in few words."""
        found = [f"all {one[:3]}" if one.endswith("/1-65535") else one for one in services]
        text = ", ".join(found)
        cut = text[:_MOST_SERVICES].rpartition(",")[0] or text[:_MOST_SERVICES]
        return text if len(text) <= _MOST_SERVICES else f"{cut}, …"
