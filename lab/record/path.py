"""The way of one packet through one node: hooks, tables, chains, rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from lab.record.packet import Packet
from lab.record.routed import Routed

LOOPBACK = "lo"
BEFORE_ALL = -1
"""A step that is none: of a packet as it came in, or as it was made."""


class Log(NamedTuple):
    """What a rule writes of a packet: with which ``prefix`` ("" for none), and where to.

    ``level`` is syslog's word for a LOG (``warn``), None of NFLOG; ``group`` is the group of NFLOG, None of LOG.  ``size`` is
    how many bytes of a packet its message holds at most, None for all.
    """

    prefix: str
    level: str | None
    group: int | None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as the kernel holds it, or a chain's policy (``number`` None).

    ``text`` is what ``iptables-save`` or ``nft list`` prints of it, ``number`` its place in the chain from 1 (as in
    ``iptables -L --line-numbers``), ``source`` the template's file and line that it was written in.  ``family`` is that of its
    table in the words of nft (``ip``, ``ip6``, ``inet``, ``netdev``).  ``target`` is the word that says what becomes of the
    packet (``DROP``, ``accept``, a chain).  Of its text besides: ``rejects`` the kind of a rejection,
    ``log_prefix`` what it logs with, ``log`` that and where to, ``translates`` which end of the packet (``source``,
    ``destination``), ``about_invalid`` that it is about packets of state INVALID or of a source on the wrong interface,
    ``further_comments`` those behind the first, ``queue`` the number of the queue that it hands packets to (``3``, ``0-3``),
    ``copies`` that it sends packets twice (TEE, ``dup``).  ``by_hand``: what was loaded does not have it, somebody has put it
    there since.
    """

    node: str
    table: str
    chain: str
    number: int | None
    text: str
    comment: str | None = None
    target: str | None = None
    source: str | None = None
    family: str = "ip"
    rejects: str | None = None
    log_prefix: str | None = None
    translates: str | None = None
    about_invalid: bool = False
    further_comments: tuple[str, ...] = ()
    queue: str | None = None
    log: Log | None = None
    copies: bool = False
    by_hand: bool = False

    def is_called(self, name: str) -> bool:
        """Whether ``name`` is its place, or one of its comments."""
        return name in (self.comment, self.place, *self.further_comments)

    @property
    def is_native(self) -> bool:
        """Whether it is written in nft's own words."""
        return self.text[:1] != "-"

    @property
    def origin(self) -> str | None:
        """Where it was written, or that it was put there by hand; None where nobody knows."""
        return self.source or ("changed by hand" if self.by_hand else None)

    @property
    def place(self) -> str:
        """``filter:FORWARD:3``, or ``filter:FORWARD policy``: what a matrix may name in ``rule:``."""
        return f"{self.table}:{self.chain}" + (" policy" if self.number is None else f":{self.number}")

    def __str__(self) -> str:
        named = f" ({self.comment})" if self.comment else ""
        family = "" if self.family == "ip" else f"{self.family} "
        return f"{self.node} {family}{self.place}{named}"


class Step(NamedTuple):
    """One trace message: at ``hook``, ``rule`` of ``table``/``chain`` said ``verdict``.

    ``kind`` is what the base chain is for, in the words of iptables' tables: ``filter``, ``nat``, ``mangle``, ``raw``,
    ``security``.

    ``verdict`` is nftables' word: ``accept``, ``drop``, ``continue``, ``return``, ``jump CHAIN``, ``goto CHAIN``, ``queue``,
    ``stolen``; ``queue 3 accept`` (``drop``, ``repeat``) where a reader of the lab's own said so to a packet in queue 3.
    ``rule`` is None where a chain ended without a match (an implicit return).
    """

    hook: str
    table: str
    chain: str
    rule: Rule | None
    verdict: str
    kind: str = "filter"

    @property
    def read(self) -> tuple[str, str] | None:
        """The number of the queue in which a reader of the lab's own gave its verdict, and that.

        >>> Step("forward", "filter", "FORWARD", None, "queue 3 accept").read
        ('3', 'accept')
        """
        if self.verdict[:6] != "queue ":
            return None
        words = self.verdict.split(" ")
        return (words[1], words[2]) if len(words) == 3 else None

    @property
    def accepts(self) -> bool:
        """Whether it ended its base chain with an accept, be it that of a reader."""
        return self.verdict == "accept" or (self.verdict[:6] == "queue " and self.verdict.endswith(" accept"))


class End(StrEnum):
    """How the way of a packet through a node ended."""

    LEFT = "left"  # through POSTROUTING: onto a network
    DELIVERED = "delivered"  # through INPUT: to the node itself
    DROPPED = "dropped"  # by the last step's rule or policy
    STOLEN = "stolen"  # taken over by a target that answers it itself
    QUEUED = "queued"  # handed to a user-space queue
    VANISHED = "vanished"  # entered, and neither left nor was dropped by a rule


@dataclass(frozen=True, slots=True)
class Path:
    """One packet's way through one node, proven by the trace: its entry, each step, its end.

    ``entry`` is the header as it came in (or was made), ``exit`` as it left: the difference is NAT.  ``out`` is the interface
    that it left through, ``mark`` its packet mark at the last message.  ``entered`` is the interface that it came in by, None
    of one that was made here; ``toward`` the one that routing sent it to, whatever became of it then.  ``heads`` are the
    headers as they were from the step of this index on, where they had changed since.  ``bridged`` tells that a bridge took it
    in and no hook of its address's family saw it (bridge netfilter is off): rules of ``table bridge`` alone were asked.
    ``marks`` are the packet marks that it had from the step of this index on, where that had one or another than before;
    ``routed`` is how the node routed it, where it was asked for that.
    """

    node: str
    entry: Packet
    steps: tuple[Step, ...]
    end: End
    exit: Packet | None = None
    out: str | None = None
    mark: int = 0
    entered: str | None = None
    toward: str | None = None
    heads: tuple[tuple[int, Packet], ...] = ()
    bridged: bool = False
    marks: tuple[tuple[int, int], ...] = ()
    routed: Routed | None = None

    def mark_at(self, step: int) -> int:
        """The packet mark that it had when it came to this step, counted from 0.

        >>> from lab.written.expect.example import PASSED
        >>> PASSED.path[0].mark_at(0), PASSED.path[0].mark_at(2)
        (0, 2)
        """
        return next((mark for since, mark in reversed(self.marks) if since <= step), 0)

    def head(self, step: int) -> Packet:
        """The headers that the packet had when it came to this step, counted from 0; from the end where it is negative.

        >>> from lab.written.expect.example import PASSED
        >>> PASSED.path[0].head(0) == PASSED.path[0].entry
        True
        """
        at = step if step >= 0 else len(self.steps) + step
        return next((packet for since, packet in reversed(self.heads) if since <= at), self.entry)

    @property
    def turned_back(self) -> bool:
        """Whether it left to come in again at the same node, which sent it to itself."""
        return self.out == LOOPBACK

    @property
    def taken_over_by(self) -> Rule | None:
        """The rule that took the packet over, to answer it itself; None if none did."""
        return self.steps[-1].rule if self.end is End.STOLEN and self.steps else None

    @property
    def dropped_by(self) -> Rule | None:
        """The rule or policy that dropped the packet; None if it was not dropped."""
        return self.steps[-1].rule if self.end is End.DROPPED and self.steps else None

    @property
    def sent_by(self) -> tuple[Rule, ...]:
        """The rules that sent the packet to the chain of its last step, from its base chain on; none where it ended in that.

        >>> from lab.written.expect.example import PASSED
        >>> PASSED.path[0].sent_by
        ()
        """
        senders: list[tuple[str, str, Rule]] = []
        for step in self.steps:
            while senders and senders[-1][:2] != (step.table, step.chain):
                senders.pop()
            how, _, to = step.verdict.partition(" ")
            if how in ("jump", "goto") and step.rule is not None:
                senders.append((step.table, to, step.rule))
            elif how == "return" and senders:
                senders.pop()
        return tuple(rule for _, _, rule in senders)

    @property
    def chains(self) -> frozenset[tuple[str, str]]:
        """(table, chain) of every chain that the packet came into: those that told of it, and those that a rule sent it to."""
        told = {(step.table, step.chain) for step in self.steps}
        sent = (step for step in self.steps if step.verdict.partition(" ")[0] in ("jump", "goto"))
        return frozenset(told | {(step.table, step.verdict.partition(" ")[2]) for step in sent})

    @property
    def translated_by(self) -> tuple[Rule, ...]:
        """The rules of the nat table that accepted with a translation, in order."""
        return tuple(
            step.rule
            for step in self.steps
            if step.kind == "nat" and step.rule is not None and step.rule.translates is not None
        )


def rules_on(paths: Iterable[Path]) -> tuple[Rule, ...]:
    """Every rule that a packet matched on its way, in order."""
    return tuple(step.rule for path in paths for step in path.steps if step.rule is not None)
