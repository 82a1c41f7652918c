"""A table of conntrack: its entries, and what they come to by state, protocol, source and service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from lab.errors import Problem
from lab.record.observation import Conntrack
from lab.record.packet import Packet
from lab.record.verdict import Verdict


class Tracked(NamedTuple):
    """One entry, be it a node's or one that somebody wrote down.

    ``status`` are words as ``conntrack -L`` has them (``UNREPLIED``, ``ASSURED``, ``OFFLOAD``); ``timeout_s`` is None where
    none is told, as of a flow that is offloaded; ``labels`` are bits, or names where they were written so.
    """

    state: str
    status: tuple[str, ...]
    original: Packet
    reply: Packet
    timeout_s: int | None = None
    mark: int = 0
    zone_orig: int = 0
    zone_reply: int = 0
    helper: str | None = None
    labels: tuple[str, ...] = ()

    @property
    def answered(self) -> bool:
        """Whether an answer was seen."""
        return "UNREPLIED" not in self.status

    @property
    def answered_by(self) -> tuple[str, int | None] | None:
        """Who answers in the place of whom was asked, after DNAT: address and port; None where that is the same."""
        there, back = self.original, self.reply
        asked, answers = (there.destination, _port(there, there.dport)), (back.source, _port(back, back.sport))
        return None if asked == answers else answers

    @property
    def seen_as(self) -> tuple[str, int | None] | None:
        """Whom the answers go to in the place of the sender, after SNAT; None where that is the same."""
        there, back = self.original, self.reply
        sent, answered = (there.source, _port(there, there.sport)), (back.destination, _port(back, back.dport))
        return None if sent == answered else answered


def _port(packet: Packet, port: int | None) -> int | None:
    return port if packet.proto in OF_PORTS else None


OF_PORTS = (6, 17, 33, 132, 136)
_SHOWN = ("EXPECTED", "ASSURED")


def tracked(entry: Conntrack) -> Tracked:
    """A node's entry, as an entry of any table."""
    status = tuple(word for word in entry.words if word in (*_SHOWN, "UNREPLIED"))
    return Tracked(
        entry.state, status, entry.original, entry.reply, entry.timeout_s, entry.mark, entry.zone_orig, entry.zone_reply,
        entry.helper, tuple(map(str, entry.labels)),
    )  # fmt: skip


class Counted(NamedTuple):
    """How many entries have something in common: ``what`` they have, in words; how many of them have no answer."""

    what: str
    entries: int
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """One table: the ``shown`` entries, which are the first, and what ``all`` of them come to, the most frequent first.

    ``sources`` and ``services`` are how many there are, of which ``by_source`` and ``by_service`` have the most frequent.
    """

    of: str
    shown: tuple[Tracked, ...] = ()
    entries: int = 0
    unanswered: int = 0
    by_state: tuple[Counted, ...] = ()
    by_protocol: tuple[Counted, ...] = ()
    by_source: tuple[Counted, ...] = ()
    by_service: tuple[Counted, ...] = ()
    by_more: tuple[Counted, ...] = ()
    sources: int = 0
    services: int = 0


@dataclass(frozen=True, slots=True)
class HeldFlow:
    """One flow that was held open while a node's table was read: who asked whom for what, what became of it.

    ``tracked`` tells that the node had an entry of it.
    """

    of: str
    verdict: Verdict
    tracked: bool

    @property
    def passed(self) -> bool:
        """Whether what it sent was answered."""
        return self.verdict.allowed


@dataclass(frozen=True, slots=True)
class ConntrackReport:
    """One table, and the ``flows`` that were held open for it, none where it was read from a file."""

    table: Table
    backend: str = ""
    flows: tuple[HeldFlow, ...] = ()
    guesses: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    exit_code: int = 0
    problems: tuple[Problem, ...] = ()
    interrupted: bool = False
