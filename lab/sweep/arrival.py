"""How a single probe of a sweep's key was delivered, in a sweep's words."""

from __future__ import annotations

from collections.abc import Callable

from lab.record.observation import came_through
from lab.record.sweep import Arrived, is_open
from lab.record.verdict import Verdict

Taker = Callable[[str, str | None, str], str | None]
"""(node, interface that a packet left it by, its destination) to who takes it in."""


def arrival(verdict: Verdict, port: int, taker: Taker) -> Arrived | None:
    """How a probe to ``port`` was delivered, or left for where no node is; None where it was not let in.

    It was let in too where a later packet of its flow was denied.  ``taker`` is `lab.written.topology.Topology.taker`.
    """
    last = (verdict.path[-1].exit or verdict.path[-1].entry) if verdict.path else None
    missing = verdict.observation.missing
    at = None if last is None or missing else taker(verdict.path[-1].node, verdict.path[-1].out, last.destination)
    if not (is_open(verdict) or first_came_through(verdict)) or last is None or (at is None and missing is None):
        return None
    sent = verdict.observation.sent
    address = last.destination if missing or last.destination != sent.destination else None
    new_port = last.dport if last.dport != port else None
    return Arrived(at, address, new_port, last.source if last.source != sent.source else None, missing)


def first_came_through(verdict: Verdict) -> bool:
    """Whether the request's first packet left the last node that traced it, and its destination took it in."""
    return bool(verdict.path) and verdict.path[-1].exit is not None and came_through(verdict.observation) is not None
