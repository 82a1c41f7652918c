"""What an observation proves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lab.record.observation import Arrival, Observation
from lab.record.path import Path, Rule


class Kind(StrEnum):
    """The eight verdicts of a probe."""

    ALLOWED = "allowed"
    CLOSED = "closed"
    UNANSWERED = "unanswered"
    DROPPED = "dropped"
    REJECTED = "rejected"
    UNROUTED = "unrouted"
    CONSUMED = "consumed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one probe, where, by which rule, and how it is known.

    ``packet`` names the first packet that did not get through (``SYN``, ``ACK``, ``data``, ``answer``, ``datagram``,
    ``echo-request``, ``echo-reply``, ``segment``), None when all did.  ``node`` is where that happened.  ``rule`` is the
    deciding rule at the node under test, ``decided`` the deciding rule at every traced node on the way.  ``passed_node`` is
    true when a packet of the request left the node under test (or was delivered to it), whatever became of it then.
    ``proof`` says in one sentence what the verdict rests on.
    """

    kind: Kind
    proof: str
    observation: Observation
    packet: str | None = None
    node: str | None = None
    rule: Rule | None = None
    decided: tuple[tuple[str, Rule], ...] = ()
    reject: str | None = None
    muted: bool = False
    passed_node: bool = False

    @property
    def allowed(self) -> bool:
        """The request and its answer came through."""
        return self.kind is Kind.ALLOWED

    @property
    def denied(self) -> bool:
        """A rule or a chain policy refused it: dropped or rejected."""
        return self.kind in (Kind.DROPPED, Kind.REJECTED)

    @property
    def arrived(self) -> Arrival | None:
        """What the receiver saw; None when nothing came to it."""
        return self.observation.arrived

    @property
    def path(self) -> tuple[Path, ...]:
        """The request's way, node by node."""
        return self.observation.request

    def __str__(self) -> str:
        words = [str(self.kind)]
        if self.reject:
            words.append(f"({self.reject}{', muted' if self.muted else ''})")
        rule = self.rule
        if self.denied and self.node is not None and (rule is None or rule.node != self.node):
            # denied elsewhere than at the node under test, whose rule let the packet pass
            rule = dict(self.decided).get(self.node) or rule
        if rule is not None and self.kind not in (Kind.UNROUTED, Kind.CONSUMED, Kind.LOST):
            words.append(f"by {rule}")
        elif self.node is not None:
            words.append(f"at {self.node}")
        return " ".join(words)
