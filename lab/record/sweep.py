"""What a sweep found: every port of a range, or every source of a list, by what became of its packet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from lab.errors import MeasurementError, Problem, gravest
from lab.record.verdict import Kind, Verdict

OPEN = (Kind.ALLOWED, Kind.CLOSED, Kind.UNANSWERED)  # the verdicts of what was delivered
DENIED = (Kind.DROPPED, Kind.REJECTED)
Ranges = tuple[tuple[int, int], ...]  # ascending, both ends included


def is_open(verdict: Verdict) -> bool:
    """Whether a packet was let in: delivered, or past the node under test on the way to what only the topology lacks.

    Whoever has that address in life is reached.
    """
    nowhere = verdict.kind is Kind.UNROUTED and verdict.observation.missing is not None
    return verdict.kind in OPEN or (nowhere and verdict.passed_node)


class Gear(StrEnum):
    """How a sweep proves: ``verdict`` counts what the rules ate and names no rule, ``rule`` traces every packet."""

    VERDICT = "verdict"
    RULE = "rule"


class Arrived(NamedTuple):
    """How the packets of a group came to node ``at``, or how they left for where no node is.

    ``address``, ``port`` and ``source`` are what they had there in place of what they were sent with; None where they kept it.
    ``at`` is None where they were let through to ``address``, and no node of the topology has ``missing``: this address, or
    that of a router on the way there.
    """

    at: str | None
    address: str | None = None
    port: int | None = None
    source: str | None = None
    missing: str | None = None


class Counts(NamedTuple):
    """Packets that went into a hook and did not come out, those with the mark and all of them.

    ``rules`` are the packets of each rule, ``rejected`` those of all rules that reject.
    """

    marked: int
    all: int
    rules: tuple[int, ...] = ()
    rejected: int = 0

    def since(self, before: Counts) -> Counts:
        """What came to be counted after ``before``."""
        rules = tuple(now - then for now, then in zip(self.rules, before.rules, strict=True))
        return Counts(self.marked - before.marked, self.all - before.all, rules, self.rejected - before.rejected)


@dataclass(frozen=True, slots=True)
class SweepGroup:
    """The keys (ports, or places in the list of sources or aims) that share a verdict, its rule and the translation.

    ``verdict`` is that of the first of them; ``arrived`` how they arrived, None where they did not.  ``unsettled`` is a rule
    that decides by chance, where their packets came as far as it: another one may fare otherwise.  ``beyond`` is the verdict
    of packets that come when a rule that remembers has seen too many of them; None where there is no such rule on the way,
    or where they fare the same.
    """

    keys: Ranges
    verdict: Verdict
    arrived: Arrived | None = None
    unsettled: str | None = None
    beyond: Verdict | None = None

    @property
    def open(self) -> bool:
        """Whether their packets were let in: see `is_open`; or, of denied ones, copies that a rule made of them arrived."""
        return is_open(self.verdict) or self.arrived is not None

    @property
    def count(self) -> int:
        """How many keys."""
        return sum(high - low + 1 for low, high in self.keys)


@dataclass(frozen=True, slots=True)
class Sweep:
    """The groups by their first key, and how they were measured.

    ``sources`` are what the keys count from 0 in a sweep of sources, and empty in one of ports.  ``seconds`` is the whole time,
    ``repeats`` how many pieces were sent again, ``traced`` how many keys of a verdict sweep had to be traced as counting did
    not prove them.  ``notes`` tell why another gear was taken than asked for.  ``sent`` is how many keys had a packet of their
    own: fewer than there are where no rule on the way tells the others from these.
    """

    groups: tuple[SweepGroup, ...]
    gear: Gear
    seconds: float = 0.0
    repeats: int = 0
    traced: int = 0
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sent: int = 0

    @property
    def count(self) -> int:
        """How many keys have a verdict."""
        return sum(group.count for group in self.groups)

    @property
    def lost(self) -> int:
        """How many keys have none that is proven."""
        return sum(group.count for group in self.groups if group.verdict.kind is Kind.LOST)

    @property
    def unsettled(self) -> int:
        """How many keys another packet may find otherwise."""
        return sum(group.count for group in self.groups if group.unsettled is not None)

    @property
    def open(self) -> tuple[SweepGroup, ...]:
        """The groups whose packets were let in."""
        return tuple(group for group in self.groups if group.open)

    def of(self, key: int) -> SweepGroup:
        """The group of one key; KeyError when it was not swept."""
        for group in self.groups:
            if any(low <= key <= high for low, high in group.keys):
                return group
        raise KeyError(key)

    def ranges(self) -> Iterator[tuple[int, int, SweepGroup]]:
        """Every range with its group, ascending."""
        yield from sorted(
            ((low, high, group) for group in self.groups for low, high in group.keys), key=lambda one: one[0]
        )


def ranges_of(keys: list[int]) -> Ranges:
    """Ascending keys as ranges."""
    found: list[tuple[int, int]] = []
    low = high = None
    for key in keys:
        if high is not None and key == high + 1:
            high = key
            continue
        if low is not None and high is not None:
            found.append((low, high))
        low = high = key
    if low is not None and high is not None:
        found.append((low, high))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class AskedSweep:
    """A sweep as a command was asked for it: ``of`` says who asked whom for what."""

    of: str
    backend: str
    sweep: Sweep


@dataclass(frozen=True, slots=True)
class SweepReport:
    """All sweeps of one command that were finished; ``problems`` stopped the others."""

    sweeps: tuple[AskedSweep, ...]
    exit_code: int = 0
    problems: tuple[Problem, ...] = ()
    interrupted: bool = False


def sweep_report(sweeps: Sequence[AskedSweep]) -> SweepReport:
    """The report of sweeps that were all finished: 3 where something is not proven, or not settled."""
    return SweepReport(
        tuple(sweeps), gravest(MeasurementError.exit_code for one in sweeps if one.sweep.lost or one.sweep.unsettled)
    )
