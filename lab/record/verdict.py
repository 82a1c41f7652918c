"""What an observation proves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lab.record.observation import Arrival, Observation, reject_dropped_by
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

    @property
    def stopped_by(self) -> Rule | None:
        """The rule or policy that dropped what did not get through, request or answer; None where none did, or is known."""
        if self.kind not in (Kind.DROPPED, Kind.REJECTED, Kind.UNANSWERED):
            return None
        seen = self.observation
        dropped = [path.dropped_by for path in (*seen.request, *seen.answer, *seen.others) if path.dropped_by is not None]
        if self.rule in dropped or self.kind is Kind.UNANSWERED:
            return self.rule if self.rule in dropped else None
        # denied elsewhere than at the node under test, whose rule let the packet pass
        there = next((rule for rule in dropped if rule.node == self.node), None)
        if there is None and self.node is not None and (self.rule is None or self.rule.node != self.node):
            there = dict(self.decided).get(self.node)
        return there or self.rule

    @property
    def muted_by(self) -> Rule | None:
        """The rule or policy that dropped the answer of a REJECT; None where it was heard, or that is not known."""
        return reject_dropped_by(self.observation) if self.muted else None

    def __str__(self) -> str:
        words = [str(self.kind)]
        if self.reject:
            words.append(f"({self.reject}{', muted' if self.muted else ''})")
        stopped = self.stopped_by
        if stopped is not None or (self.rule is not None and self.kind is Kind.ALLOWED):
            words.append(f"by {stopped or self.rule}")
        elif self.rule is not None and self.kind in (Kind.CLOSED, Kind.UNANSWERED):
            # that rule accepted: it is not what made it so
            words[-1] += ","
            words.append(f"let through by {self.rule}")
        elif self.node is not None:
            words.append(f"at {self.node}")
        return " ".join(words)
