"""Live flows made ready to be asked: which the topology can send, and which are left out, counted by why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from lab.written.seen.live import LiveFlow
from lab.written.service import read_services
from lab.written.topology import Topology
from lab.written.words import refused


@dataclass(frozen=True, slots=True)
class Wanted:
    """A source at ``node``, a destination at ``owner`` and a service, and all ``live`` flows of these."""

    node: str
    owner: str
    live: tuple[LiveFlow, ...]

    @property
    def first(self) -> LiveFlow:
        """One of them, which speaks for all."""
        return self.live[0]

    @property
    def flows(self) -> int:
        """How many they are."""
        return sum(flow.count for flow in self.live)

    def __str__(self) -> str:
        return str_of(self.first)


@dataclass(slots=True)
class LeftOut:
    """Live flows that were not asked, by why, each with the first of them."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, LiveFlow] = field(default_factory=dict)

    def add(self, why: str, flow: LiveFlow, count: int) -> None:
        """Some more."""
        self.counts[why] += count
        self.first.setdefault(why, flow)

    def notes(self) -> Iterator[str]:
        """A sentence for each reason."""
        for why, count in self.counts.items():
            yield f"{counted(count)} left out: {why}, as {str_of(self.first[why])}"


def wanted_of(live: Sequence[LiveFlow], topology: Topology, left: LeftOut) -> list[Wanted]:
    """The distinct flows that the topology can send, the most frequent first; the others are ``left`` out."""
    kinds: dict[tuple[str, str, str], list[LiveFlow]] = {}
    for flow in live:
        kinds.setdefault((flow.source, flow.destination, flow.service), []).append(flow)
    found: list[Wanted] = []
    for flows in kinds.values():
        first, count = flows[0], sum(flow.count for flow in flows)
        node, owner = topology.owner(first.source), topology.owner(first.destination)
        if refused(ip_address(first.source)) or refused(ip_address(first.destination)):
            left.add("an end is loopback, multicast or what else no node has", first, count)
        elif node is None or owner is None:
            left.add("an end is not in this topology", first, count)
        elif not topology.can_send(first.source) or not _can_be_sent(first.service):
            left.add("the lab does not send this kind", first, count)
        else:
            found.append(Wanted(node, owner, tuple(flows)))
    return sorted(found, key=lambda one: -one.flows)


def _can_be_sent(service: str) -> bool:
    try:
        return bool(read_services(service))
    except ValueError:
        return False


def str_of(flow: LiveFlow) -> str:
    """A flow in words."""
    return f"{flow.source} > {flow.destination} {flow.service}"


def counted(flows: int) -> str:
    """So many live flows, in words."""
    return f"{flows:,} live flow{'' if flows == 1 else 's'}"
