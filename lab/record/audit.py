"""The questions of an auditor, answered: what is open from outside, by whose rule, what is overdue, what is logged."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from lab.errors import Problem
from lab.record.exposure import ExposureReport, Pair
from lab.record.path import Rule
from lab.record.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Exemption:
    """What somebody allowed for a time: a row of a matrix, or a rule whose comment has a date (``review=2027-01-31``).

    ``where`` is the file and line, None where that is not known; ``text`` is the rule's.
    """

    name: str
    where: str | None
    review: datetime.date
    overdue: bool
    owner: str | None = None
    ticket: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class DeniedProbe:
    """One denied flow that was sent, with what proves whether it is logged.

    ``logged`` are the prefixes of the LOG and NFLOG rules that its first packet met, with the first rule of each.
    """

    pair: Pair
    service: str
    verdict: Verdict
    logged: tuple[tuple[str, Rule], ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a file says of an earlier run: of which matrices it was, its cells, how many passed, and on which kernel."""

    file: str
    cells: int
    passed: int
    exit_code: int
    finished: bool
    matrices: tuple[str, ...] = ()
    kernel: str | None = None


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an auditor asks of one topology; ``day`` decides what is overdue, ``outside`` are the zones that were asked from.

    ``exposure`` is what answers to who is outside.  ``denied`` has a flow for each zone and protocol, ``not_denied`` says
    where there was none to send, ``lost`` what of all this is not proven.  ``evidence`` is None where none was given.
    ``problems`` stopped it, ``exit_code`` is what the command ends with.
    """

    topology: str
    day: datetime.date
    outside: tuple[str, ...] = ()
    exposure: ExposureReport | None = None
    exemptions: tuple[Exemption, ...] = ()
    denied: tuple[DeniedProbe, ...] = ()
    not_denied: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    evidence: Evidence | None = None
    interrupted: bool = False
    problems: tuple[Problem, ...] = ()
    exit_code: int = 0

    @property
    def overdue(self) -> tuple[Exemption, ...]:
        """What was to be looked at again before ``day``."""
        return tuple(one for one in self.exemptions if one.overdue)

    @property
    def finished(self) -> bool:
        """Whether all was asked."""
        return not self.interrupted and not self.problems
