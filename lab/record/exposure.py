"""What answers from where: every port that a packet from one zone reaches in another."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Literal, NamedTuple

from lab.errors import Problem
from lab.record.path import Rule
from lab.record.sweep import Arrived, Ranges
from lab.record.verdict import Kind, Verdict


class Pair(NamedTuple):
    """Who asks whom: node ``sender`` of ``zone`` with ``source``, the ``address`` that is called ``target`` in ``into``.

    ``sources`` and ``targets`` are the prefixes that ``source`` and ``address`` speak for, in words; None where they are the
    sender's own and the target's.
    """

    zone: str
    sender: str
    source: str
    into: str
    target: str
    address: str
    family: int
    sources: str | None = None
    targets: str | None = None

    @property
    def speaks_for_others(self) -> bool:
        """Whether one of its addresses stands for a class of them."""
        return self.sources is not None or self.targets is not None


class Constant(NamedTuple):
    """Addresses that a rule names together at one ``end`` of a packet: prefixes, addresses and ``first-last``."""

    family: int
    end: Literal["source", "destination"]
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exposure:
    """Ports of one pair and protocol that are open by one rule.

    ``kind`` is `allowed` where a service answers, `closed` where nothing listens behind an open path, `unanswered` where the
    answer did not come back, `unrouted` where it was let through to what no node of the topology has.  ``asserted`` are the
    matrix rows that expect it, and ``unasserted`` the ports that none does.  ``limit`` is how much of it a limiter lets
    through, in words, and ``beyond`` what becomes of more.
    """

    pair: Pair
    proto: str
    ports: Ranges
    kind: Kind
    arrived: Arrived | None
    rule: Rule | None
    owner: str | None = None
    ticket: str | None = None
    review: datetime.date | None = None
    asserted: tuple[str, ...] = ()
    unasserted: Ranges = ()
    unsettled: str | None = None
    beyond: Verdict | None = None
    limit: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Ports of one pair and protocol that became open, or are no longer, since another measurement.

    ``source`` is told where it, or the address, speaks for ``sources`` or ``targets``.
    """

    sender: str
    target: str
    address: str
    family: int
    proto: str
    ports: Ranges
    source: str | None = None
    sources: str | None = None
    targets: str | None = None


@dataclass(frozen=True, slots=True)
class Untold:
    """A change of which it is not known whether it is one: ``why`` says what was not proven or not settled, and when."""

    change: Change
    why: str


@dataclass(frozen=True, slots=True)
class ExposureReport:
    """All that is open in a topology.

    ``questions`` are the pairs and protocols, each of 65,535 ports, that were answered in ``seconds``; of ``swept`` of them
    every port was sent, of the others those ports that speak for all.  ``lost`` are questions of which something is not
    proven, ``unsettled`` those where a rule decides by chance.  ``added`` and ``gone`` compare with an earlier report,
    where there is one, and ``untold`` are changes of which that cannot be said.  ``pairs`` are those that were to be asked,
    ``judged`` whether a matrix was there to assert anything.  ``not_asked`` says which addresses that rules name were not
    asked, ``unmet`` are the rules that no question met, and ``why_unmet`` says of each why, "" where that cannot be read.
    ``asked`` are the pairs that were, ``constants`` what told addresses apart, ``partial`` the families of which not every
    class was asked: what a later comparison has to know.  ``beside_rules`` are ports of a pair that are not open, and
    that something else than a rule denied.
    ``problems`` stopped it, ``exit_code`` is what the command ends with.
    """

    topology: str
    exposures: tuple[Exposure, ...]
    questions: int
    swept: int
    seconds: float
    lost: tuple[str, ...] = ()
    unsettled: tuple[str, ...] = ()
    added: tuple[Change, ...] | None = None
    gone: tuple[Change, ...] | None = None
    notes: tuple[str, ...] = ()
    interrupted: bool = False
    problems: tuple[Problem, ...] = ()
    exit_code: int = 0
    untold: tuple[Untold, ...] | None = None
    pairs: tuple[Pair, ...] = ()
    judged: bool = True
    not_asked: tuple[str, ...] = ()
    unmet: tuple[Rule, ...] = ()
    why_unmet: tuple[str, ...] = ()
    asked: tuple[Pair, ...] = ()
    constants: tuple[Constant, ...] = ()
    partial: tuple[int, ...] = ()
    beside_rules: tuple[tuple[Pair, str, Ranges, Kind], ...] = ()

    @property
    def finished(self) -> bool:
        """Whether all was asked, so that another measurement can be compared with it."""
        return not self.interrupted and not self.problems
