"""What answers from where: every port that a packet from one zone reaches in another."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import NamedTuple

from lab.errors import Problem
from lab.record.path import Rule
from lab.record.sweep import Arrived, Ranges
from lab.record.verdict import Kind, Verdict


class Pair(NamedTuple):
    """Who asks whom: node ``sender`` of ``zone`` with ``source``, the ``address`` that is called ``target`` in ``into``.

    ``sources`` and ``targets`` are the prefixes that the source and the address stand for, in words; None: for themselves.
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
    """Ports of one pair and protocol that became open, or are no longer, since another measurement."""

    sender: str
    target: str
    address: str
    family: int
    proto: str
    ports: Ranges


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
    proven, ``unsettled`` those where a rule remembers what it saw.  ``added`` and ``gone`` compare with an earlier report,
    where there is one, and ``untold`` are changes of which that cannot be said.  ``pairs`` are those that were to be asked,
    ``judged`` whether a matrix was there to assert anything.  ``unmet`` are rules that no question met, ``not_asked`` the
    classes of addresses from or to which nothing was asked, in words.
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
    unmet: tuple[Rule, ...] = ()
    not_asked: tuple[str, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether all was asked, so that another measurement can be compared with it."""
        return not self.interrupted and not self.problems
