"""Whether all that was seen of one probe can be true together; where it cannot, the instrument is blind."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.observation import Observation, came_through
from lab.record.packet import Packet
from lab.record.path import End, Path

_ENDED = {
    End.DROPPED: "ends in a drop",
    End.VANISHED: "has an entry and no end",
    End.QUEUED: "ends in a user-space queue",
}


def contradiction(observation: Observation) -> str | None:
    """In which point two witnesses of ``observation`` contradict each other, in words; None where none do.

    >>> from lab.record.observation import Milestone
    >>> syn = Packet(4, 6, "10.0.1.10", 32768, "10.0.2.10", 443, flags=2)
    >>> contradiction(Observation(syn, Milestone.ANSWERED, unseen=("gateway",)))
    'the packet must have come through gateway, and the trace there says nothing of it'
    """
    if observation.unseen:
        silent = ", ".join(observation.unseen)
        crossed = silent if len(observation.unseen) == 1 else f"one of {silent}"
        return f"the packet must have come through {crossed}, and the trace there says nothing of it"
    last = observation.request[-1] if observation.request else None
    if last is None or (observation.others and _has_copy(observation)):
        return None
    if observation.to_many:
        return _heard_and_lost(observation, last)
    if last.end in _ENDED and (came := came_through(observation) or _came_to_another_node(observation)):
        by = f" by {last.dropped_by}" if last.dropped_by is not None else ""
        return f"its trace at {last.node} {_ENDED[last.end]}{by}, and yet {came}"
    arrived = observation.arrived
    if arrived is None:
        return None
    if last.end is End.DELIVERED and arrived.at != last.node:
        return f"its trace ends with its delivery to {last.node}, and yet it arrived at {arrived.at}"
    if arrived.address not in _destinations(observation):
        return f"its trace says that it was sent to {_leaving(last).destination}, and yet it arrived at {arrived.address}"
    return None


def _heard_and_lost(observation: Observation, last: Path) -> str | None:
    """The same of what all of a network hears: that it came to others contradicts nothing."""
    arrived = observation.arrived
    if arrived is None or arrived.at != last.node or last.end not in _ENDED:
        return None
    return f"its trace at {last.node} {_ENDED[last.end]}, and yet it arrived there"


def bears_the_same(path: Path, header: Packet) -> bool:
    """Whether a packet came in with the addresses and ports of ``header``.

    >>> from lab.written.expect.example import PASSED
    >>> bears_the_same(PASSED.path[0], PASSED.observation.sent)
    True
    """
    entry = path.entry
    ends = entry.source, entry.sport, entry.destination, entry.dport
    return ends == (header.source, header.sport, header.destination, header.dport)


def _has_copy(observation: Observation) -> bool:
    """Whether a node let another packet with the same headers pass: a copy that a rule made (TEE), or the same sent again."""
    nodes = {path.node for path in observation.request}
    return any(path.node in nodes and path.end not in _ENDED for path in _alike(observation))


def _came_to_another_node(observation: Observation) -> str | None:
    """That the packet came into a node behind the one where its trace ends."""
    nodes = {path.node for path in observation.request}
    return next((f"it came into {path.node}" for path in _alike(observation) if path.node not in nodes), None)


def _alike(observation: Observation) -> Iterator[Path]:
    """The packets beside the request's first that came into a node as it came into one, or left it."""
    heads = [header for path in observation.request for header in (path.entry, path.exit) if header is not None]
    for path in observation.others:
        if path.entry.flags == observation.sent.flags and any(bears_the_same(path, header) for header in heads):
            yield path


def _leaving(path: Path) -> Packet:
    return path.exit or path.entry


def _destinations(observation: Observation) -> set[str]:
    """Where the packet, or another of its flow, was on its way to as it left a node.

    What a rule at the very device rewrites (egress, ingress) is seen by no exit, so there any address may be right.
    """
    paths = (*observation.request, *observation.others)
    found = {_leaving(path).destination for path in paths}
    if observation.arrived and any(step.hook in ("egress", "ingress") for path in paths for step in path.steps):
        found.add(observation.arrived.address)
    return found
