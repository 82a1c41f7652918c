"""What a host runs against what its policy says, rule by rule: what each of them has and the other has not."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import NamedTuple

from lab.errors import Problem
from lab.record.difference import DiffReport


class Place(NamedTuple):
    """Where a rule stands in a host or a policy: its chain, in nft's words, and its place in it from 1."""

    family: str
    table: str
    chain: str
    number: int

    def __str__(self) -> str:
        return f"{self.family} {self.table}:{self.chain}:{self.number}"


@dataclass(frozen=True, slots=True)
class Unwritten:
    """A rule that the host runs and the policy has not: to be carried into it behind the line ``behind``, or to be removed.

    ``behind`` is None where it belongs before every rule of its chain, or the policy has no such chain.  ``writer`` is the
    program that writes such chains by itself.  ``lacks`` are those of owner, ticket and date that its comment does not say;
    ``overdue`` tells that its date is past.
    """

    place: Place
    text: str
    behind: str | None = None
    writer: str | None = None
    owner: str | None = None
    ticket: str | None = None
    review: datetime.date | None = None
    lacks: tuple[str, ...] = ()
    overdue: bool = False

    @property
    def is_unowned(self) -> bool:
        """Whether nobody answers for it: an emergency rule needs owner, ticket and a date that is not past."""
        return self.writer is None and bool(self.lacks or self.overdue)


@dataclass(frozen=True, slots=True)
class Unloaded:
    """A rule that the policy has, in the line ``source``, and the host does not run."""

    place: Place
    text: str
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A rule of both that stands elsewhere among the rules of its chain: at ``place`` on the host."""

    place: Place
    text: str
    number: int
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Reworded:
    """A rule of both whose comment differs; None is without one."""

    place: Place
    text: str
    running: str | None
    written: str | None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class OtherPolicy:
    """A base chain whose policy differs, each in its dialect's word; None where there is no such chain."""

    family: str
    table: str
    chain: str
    running: str | None
    written: str | None


@dataclass(frozen=True, slots=True)
class Reconciled:
    """All differences; ``same`` is how many rules stand in both alike."""

    same: int
    unwritten: tuple[Unwritten, ...] = ()
    unloaded: tuple[Unloaded, ...] = ()
    moved: tuple[Moved, ...] = ()
    reworded: tuple[Reworded, ...] = ()
    policies: tuple[OtherPolicy, ...] = ()

    @property
    def unowned(self) -> tuple[Unwritten, ...]:
        """The emergency rules for which nobody answers."""
        return tuple(one for one in self.unwritten if one.is_unowned)

    @property
    def is_clean(self) -> bool:
        """Whether the host runs what its policy says, but for comments and what programs write by themselves."""
        return not (self.unloaded or self.moved or self.policies or self.by_hand)

    @property
    def by_hand(self) -> tuple[Unwritten, ...]:
        """The rules that the host alone has, and that no program writes by itself."""
        return tuple(one for one in self.unwritten if one.writer is None)

    @property
    def exit_code(self) -> int:
        """1 where an emergency rule has nobody who answers for it."""
        return 1 if self.unowned else 0


@dataclass(frozen=True, slots=True)
class Drift:
    """What a host runs against its policy: how flows fare otherwise, and the rules; ``problems`` stopped it."""

    behaviour: DiffReport | None = None
    rules: Reconciled | None = None
    interrupted: bool = False
    problems: tuple[Problem, ...] = ()
    exit_code: int = 0
