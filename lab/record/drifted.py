"""Whether a host still runs what its policy says, and what its next boot changes: what a scheduled job asks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lab.errors import Problem, gravest
from lab.record.difference import Aspect, Difference, DiffReport
from lab.record.reconciled import Reconciled


class Standing(StrEnum):
    """How two sets of rules of one host stand to each other."""

    SAME = "same"
    OTHER_RULES = "same behaviour, other rules"
    DRIFTED = "drifted"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class ByProgram:
    """A class of flows that fares otherwise by a rule which ``program`` writes by itself while the host runs: a ban."""

    program: str
    difference: Difference


@dataclass(frozen=True, slots=True)
class Compared:
    """Two sets of rules of one host: how flows fare otherwise, then rule by rule.

    ``by_programs`` are no drift, and in ``behaviour`` no more.
    """

    behaviour: DiffReport
    rules: Reconciled
    by_programs: tuple[ByProgram, ...] = ()

    @property
    def standing(self) -> Standing:
        """By behaviour first; flows that only another rule decides fare as before."""
        if any(one.aspect is not Aspect.RULE for one in self.behaviour.differences):
            return Standing.DRIFTED
        if self.behaviour.lost or self.behaviour.problems or self.behaviour.interrupted:
            return Standing.UNKNOWN
        return Standing.SAME if self.rules.is_clean else Standing.OTHER_RULES

    @property
    def exit_code(self) -> int:
        """1 where flows or rules differ, and what `diff` ends with where it was not measured."""
        stopped = self.behaviour.interrupted or self.behaviour.problems
        differ = self.standing in (Standing.DRIFTED, Standing.OTHER_RULES)
        return gravest((self.behaviour.exit_code if stopped else 0, 3 if self.behaviour.lost else 0, int(differ)))


@dataclass(frozen=True, slots=True)
class NextBoot:
    """What the host runs now, old, against what its next boot loads from ``files``, new; ``why`` it was not compared.

    ``refused`` is what the kernel, or the lab, does not take of them.
    """

    compared: Compared | None = None
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    why: str | None = None
    refused: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class DriftReport:
    """All that a scheduled job is told: ``now`` is the policy, old, against the host, new; None where none was given.

    ``restarted`` tells whether another boot lies between both, where the policy is an earlier snapshot of the host.
    """

    host: str = ""
    policy: str | None = None
    now: Compared | None = None
    boot: NextBoot | None = None
    restarted: bool | None = None
    interrupted: bool = False
    problems: tuple[Problem, ...] = ()
    exit_code: int = 0
