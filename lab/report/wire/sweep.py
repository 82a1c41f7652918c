"""What a sweep found: what ``lab sweep --json`` writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from lab.record import sweep
from lab.record.verdict import Kind
from lab.report.wire.document import key
from lab.report.wire.parts import (
    Arrived,
    Beyond,
    Count,
    ExitCode,
    Many,
    Number,
    ProblemRecord,
    Ranges,
    Rule,
    problem_records,
    texts_of,
)
from lab.report.wire.writing import Written, written
from lab.ruleset.limited import limit_between


class _Keyed(NamedTuple):
    """A group, and the sources that it was asked from where these are its keys."""

    group: sweep.SweepGroup
    sources: tuple[str, ...]


def _limit(one: _Keyed) -> str | None:
    return limit_between(one.group.verdict, one.group.beyond)


@dataclass(frozen=True, kw_only=True)
class _Group:
    count: Count = key("ports or sources in it", of="group.count")
    verdict: Kind = key(of="group.verdict.kind")
    node: str | None = key("where the packet ended", of="group.verdict.node")
    reject: str | None = key("the kind of a REJECT, in iptables' words", of="group.verdict.reject")
    muted: bool = key("a REJECT whose answer the sender never saw", of="group.verdict.muted")
    rule: Rule | None = key("the deciding rule, in the rule gear", of="group.verdict.rule")
    arrived: Arrived | None = key("how it was delivered", of="group.arrived")
    unsettled: str | None = key("a rule that decides by chance, in whose way the packets were", of="group.unsettled")
    limit: str | None = key("how much a limiter lets through, in words", of=_limit, older=None)
    beyond: Beyond | None = key("what becomes of more", of="group.beyond", older=None)
    proof: str = key("what the verdict of the first of them rests on", of="group.verdict.proof")


@dataclass(frozen=True, kw_only=True)
class _ByPort:
    ports: Ranges = key(of="group.keys")


@dataclass(frozen=True, kw_only=True)
class _BySource:
    sources: Many[str] = key("those that were asked from")


@dataclass(frozen=True, kw_only=True)
class PortGroup(_Group, _ByPort):
    """Ports by verdict, rule and translation."""


@dataclass(frozen=True, kw_only=True)
class SourceGroup(_Group, _BySource):
    """Sources by verdict, rule and translation."""


def _groups(found: sweep.Sweep) -> Iterator[Written]:
    for group in found.groups:
        if found.sources:
            asked = tuple(found.sources[place] for low, high in group.keys for place in range(low, high + 1))
            yield written(SourceGroup, _Keyed(group, asked))
        else:
            yield written(PortGroup, _Keyed(group, ()))


@dataclass(frozen=True, kw_only=True)
class _Named:
    of: str = key("who asked whom for what")
    backend: Literal["nft", "legacy"] = key()


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A sweep, whatever was asked."""

    gear: sweep.Gear = key("how it was proven; notes tell of another one")
    count: Count = key("ports or sources with a verdict")
    lost: Count = key("of these, those of which nothing is proven")
    seconds: Number = key("wall time")
    repeats: Count = key("pieces sent again after a detected overflow")
    sent: Count = key("ports or sources that had a packet of their own, and speak for those like them", older=0)
    notes: Many[str] = key("what else the reader must know")
    groups: Many[PortGroup | SourceGroup] = key("by verdict, rule and translation", of=_groups)


@dataclass(frozen=True, kw_only=True)
class Sweep(Measured, _Named):
    """A sweep, and what was asked."""


def _sweeps(report: sweep.SweepReport) -> Iterator[Written]:
    for one in report.sweeps:
        yield written(_Named, one) | written(Measured, one.sweep)


@dataclass(frozen=True, kw_only=True)
class Sweeps:
    """Sweeps of one command."""

    version: Literal[1] = key()
    exit_code: ExitCode = key("of `lab sweep`", older=0)
    interrupted: bool = key("true after Ctrl-C, SIGTERM or SIGHUP: what was finished", older=False)
    problems: Many[str] = key("what stopped it", of=texts_of, older=())
    problem_records: Many[ProblemRecord] = problem_records()
    sweeps: Many[Sweep] = key("those that were finished", of=_sweeps)
