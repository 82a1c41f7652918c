"""What is told of a lab that is up, as it happens: packets, and what stands between the telling and the whole of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from lab.record.packet import Packet
from lab.record.path import End, Path, Rule


class Fate(StrEnum):
    """What became of a packet at a node."""

    ACCEPTED = "accepted"  # it left, or came to the node itself
    DROPPED = "dropped"
    REJECTED = "rejected"
    QUEUED = "queued"  # handed to a program by NFQUEUE
    TAKEN_OVER = "taken over"  # by a rule that answers it itself (SYNPROXY)
    LOST = "lost"  # it came in, did not leave, and no rule dropped it


_FATES = {
    End.LEFT: Fate.ACCEPTED, End.DELIVERED: Fate.ACCEPTED, End.DROPPED: Fate.DROPPED, End.QUEUED: Fate.QUEUED,
    End.STOLEN: Fate.TAKEN_OVER, End.VANISHED: Fate.LOST,
}  # fmt: skip


class LoggedBy(NamedTuple):
    """A rule that logs, and the packet as it met it; ``entered`` and ``toward`` are the interfaces that are known there."""

    rule: Rule
    packet: Packet
    hook: str
    entered: str | None
    toward: str | None
    mark: int

    @property
    def prefix(self) -> str:
        """What the rule logs it with; "" for nothing."""
        return "" if self.rule.log is None else self.rule.log.prefix


@dataclass(frozen=True, slots=True)
class Told:
    """One packet at one node: its ``path``, the rule that decided, and when it was told, in seconds since the epoch.

    ``raw`` is its network header and what followed, as it came in.
    """

    at: float
    path: Path
    rule: Rule | None
    raw: tuple[bytes, bytes]

    @property
    def node(self) -> str:
        """Where."""
        return self.path.node

    @property
    def fate(self) -> Fate:
        """What became of it."""
        rejects = self.path.end is End.DROPPED and self.rule is not None and self.rule.rejects is not None
        return Fate.REJECTED if rejects else _FATES[self.path.end]

    @property
    def denied(self) -> bool:
        """Whether a rule kept it from going on."""
        return self.fate in (Fate.DROPPED, Fate.REJECTED)

    @property
    def logged(self) -> tuple[LoggedBy, ...]:
        """The rules that log which it passed, in order."""
        path = self.path
        return tuple(
            LoggedBy(
                step.rule, path.head(place), step.hook,
                None if step.hook in ("output", "postrouting") else path.entered,
                path.toward if step.hook in ("forward", "output", "postrouting") else None,
                path.mark_at(place),
            )
            for place, step in enumerate(path.steps) if step.rule is not None and step.rule.log is not None
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Missed:
    """The kernel told faster than was read: so many messages of a node are lost, of at most as many packets."""

    at: float
    node: str
    messages: int


@dataclass(frozen=True, slots=True)
class RulesChanged:
    """Somebody changed the rules of a node; ``trouble`` is why they cannot be named, "" where they can."""

    at: float
    node: str
    trouble: str = ""


News = Told | Missed | RulesChanged
