"""What two sets of rules do differently: flows of which the kernel said so, and what of it was asked for."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from lab.errors import Problem
from lab.record.path import Rule
from lab.record.verdict import Verdict


class Aspect(StrEnum):
    """In what a flow is treated differently, the gravest first."""

    ALLOW = "allow or deny"
    REFUSAL = "drop or reject"
    TRANSLATION = "translation"
    WAY = "mark or interface"
    LOG = "log"
    RULE = "rule"

    @property
    def place(self) -> int:
        """Its place in the order, 0 being the gravest."""
        return list(Aspect).index(self)


class Flow(NamedTuple):
    """One flow as it is sent: ``service`` is ``tcp/443``, ``icmp/echo-request``, ``proto/47``; ``family`` 4 or 6.

    ``flags`` are those of a bare segment, ``sport`` None lets the lab choose.
    """

    node: str
    source: str
    destination: str
    service: str
    family: int
    sport: int | None = None
    flags: tuple[str, ...] = ()

    def __str__(self) -> str:
        flags = f" {','.join(self.flags)}" if self.flags else ""
        return f"{self.source} > {self.destination} {self.service}{flags}"


@dataclass(frozen=True, slots=True)
class FlowClass:
    """Flows that neither side tells apart, of which one was sent: prefixes, addresses and ``first-last`` in words.

    ``size`` counts sources by destinations by services (a port, or a type of ICMP, is one); None where it is not known, as
    flows were sampled.  ``whole`` tells that every combination of the three is in the class; otherwise they are its shadow.
    ``entered`` are the interfaces of the node under test that they come in by.
    """

    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    services: tuple[str, ...]
    size: int | None = None
    whole: bool = True
    entered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """What became of a flow on one side, by which rule, and who answers for it.

    ``rule`` is the one that decided at the node under test.  ``then`` are the rules that would deny it as well, were the
    deciding one not there, one after the other.
    """

    verdict: Verdict
    rule: Rule | None = None
    owner: str | None = None
    ticket: str | None = None
    review: datetime.date | None = None
    then: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """A class of flows that the two sides treat differently, as the kernel confirmed of ``flow``.

    ``opens``: allowed now and denied before.  ``intended`` is the row of the change that asked for it.  ``rests_on`` are
    conditions that decided and that no model reads (``recent``), in the words of the rule.
    """

    aspect: Aspect
    flow: Flow
    of: FlowClass
    old: Side
    new: Side
    opens: bool = False
    closes: bool = False
    intended: str | None = None
    rests_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Denied:
    """What a model proposed as different, and the kernel did not confirm."""

    flow: Flow
    proposed: str
    found: str


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """A row that a change intends, or a cell of a matrix that has to hold: ``passed``, and what was otherwise."""

    name: str
    passed: bool
    what: str = ""


@dataclass(frozen=True, slots=True)
class SeenFlow:
    """Live flows of one service and peer that fare otherwise now: ``how`` is cut, translated otherwise, or newly open."""

    how: str
    peer: str
    service: str
    count: int


@dataclass(frozen=True, slots=True)
class Reached:
    """How the flows were found: all classes, or ``sampled`` of so many.

    ``but_for`` are kinds of condition that no model reads, with the number of rules (``recent (6 rules)``); ``unsendable``
    what the lab cannot send (``RELATED``), with the number of classes that need it.
    """

    classes: int
    asked: int
    sampled: bool = False
    but_for: tuple[str, ...] = ()
    unsendable: tuple[str, ...] = ()
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class DiffReport:
    """All that a change changes at one node.

    ``old`` and ``new`` are what the two sides are called.  ``differences`` are in order: by aspect, fail-open first, largest
    class first.  ``denied`` is what the kernel did not confirm, ``lost`` what was not proven.  ``intended`` and ``holds`` are
    the rows of a change file, empty without one; ``breadth`` is how much more was opened than was asked for, as a ratio.
    """

    old: str
    new: str
    node: str
    topology: str
    differences: tuple[Difference, ...] = ()
    reached: Reached = Reached(0, 0)
    denied: tuple[Denied, ...] = ()
    lost: tuple[str, ...] = ()
    change: str | None = None
    intended: tuple[RowOutcome, ...] = ()
    holds: tuple[RowOutcome, ...] = ()
    breadth: float | None = None
    seen: tuple[SeenFlow, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    interrupted: bool = False
    problems: tuple[Problem, ...] = ()
    exit_code: int = 0

    @property
    def collateral(self) -> tuple[Difference, ...]:
        """What differs and was not asked for."""
        return tuple(one for one in self.differences if one.intended is None)


@dataclass(frozen=True, slots=True)
class DiffReports:
    """What one command compared: a report for each node whose policy differs; ``problems`` stopped it.

    ``same`` are the policies that do not differ in their text, and were not asked about; ``apart`` tells of those that only one
    side has, or could not be made for the old one: they differ, and nothing can be asked.
    """

    reports: tuple[DiffReport, ...] = ()
    same: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    interrupted: bool = False
    problems: tuple[Problem, ...] = ()
    exit_code: int = 0
    apart: tuple[str, ...] = ()
