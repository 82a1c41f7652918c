"""Which packets belong to an exchange: its request, its answer, and those of them that came to nothing."""

from __future__ import annotations

from lab.record.observation import Milestone, Observation
from lab.record.path import End, Path, Rule

_PASSED = (End.LEFT, End.DELIVERED)
_TCP, _ICMPV6 = 6, 58
_DISCOVERY = (135, 136)  # ICMPv6 types
_RST = 0x04


def is_request(path: Path, observation: Observation) -> bool:
    """Whether it is a packet of the request: from the address and port that the first had at a node."""
    sent = observation.sent
    if sent.proto != _TCP and path.entry.flags != sent.flags:
        return False  # a node that asks itself answers from the same address, and an echo by the same number
    return any(
        (path.entry.source, path.entry.sport) == (first.entry.source, first.entry.sport) for first in observation.request
    )


def _is_answer(path: Path, observation: Observation) -> bool:
    exits = [first.exit for first in observation.request if first.exit is not None]
    return any((path.entry.source, path.entry.sport) == (end.destination, end.dport) for end in exits)


def _belongs(path: Path, observation: Observation) -> bool:
    return path.entry.proto == observation.sent.proto and (
        is_request(path, observation) or path in observation.answer or _is_answer(path, observation)
    )


def answers(path: Path, last: Path) -> bool:
    """Whether it is what the node that took a packet over answered it with."""
    head = last.head(-1)
    own = path.node == last.node and path.entered is None
    return own and (path.entry.source, path.entry.sport) == (head.destination, head.dport)


def dropped_later(observation: Observation) -> Path | None:
    """The path of a further packet of the exchange that a rule dropped; the sender's reset is its goodbye, and none of it."""
    return next(
        (
            path
            for path in (*observation.answer, *observation.others)
            if path.end is End.DROPPED and _belongs(path, observation)
            and not (path.entry.proto == _TCP and path.entry.flags & _RST and is_request(path, observation))
        ),
        None,
    )  # fmt: skip


def gone_later(observation: Observation) -> Path | None:
    """The path of a further packet of the request that ended in a node outside of every rule, as a lost translation ends it."""
    return next(
        (
            path
            for path in observation.others
            if path.end is End.VANISHED and path.entered is not None and is_request(path, observation)
            and not path.entry.flags & _RST
        ),
        None,
    )


def stopped_answer(observation: Observation) -> Path | None:
    """The path of the answer's packet that ended inside a node."""
    candidates = (*observation.answer, *observation.others)
    return next(
        (
            path
            for path in candidates
            if path.end not in _PASSED and _belongs(path, observation) and not is_request(path, observation)
        ),
        None,
    )


def unanswered_anew(observation: Observation) -> bool:
    """Whether a node that answered in the destination's place sent a packet on in place of the request, and has no answer."""
    if observation.stage is not Milestone.CONNECTED or observation.refusal is not None:
        return False
    if not any(path.end is End.STOLEN for path in observation.request):
        return False
    if dropped_later(observation) is not None:
        return False
    later = (*observation.answer, *observation.others)
    return not any(path.entered is not None and _is_answer(path, observation) for path in later)


def discovery_dropped_by(observation: Observation) -> Rule | None:
    """The rule that dropped a neighbour solicitation or advertisement while the probe was under way (RFC 4861).

    >>> from lab.written.expect.example import PASSED
    >>> discovery_dropped_by(PASSED.observation) is None
    True
    """
    return next(
        (
            path.dropped_by
            for path in observation.others
            if path.end is End.DROPPED and path.entry.proto == _ICMPV6 and path.entry.flags in _DISCOVERY
        ),
        None,
    )
