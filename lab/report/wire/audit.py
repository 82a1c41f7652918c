"""The questions of an auditor: what ``lab audit --json`` writes."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import Any, Literal

from lab.record.audit import AuditReport
from lab.record.verdict import Kind
from lab.report.wire.document import key
from lab.report.wire.exposure import Exposure, OfPair
from lab.report.wire.parts import Count, ExitCode, Many, ProblemRecord, Rule, problem_records, texts_of
from lab.report.wire.seen import Step, steps_of


@dataclass(frozen=True, kw_only=True)
class Exemption:
    """What somebody allowed for a time."""

    name: str = key("the row of a matrix, or the rule")
    where: str | None = key("file and line; null: nobody wrote it there")
    review: str = key("a date", of=lambda one: one.review.isoformat())
    overdue: bool = key("whether that date is past")
    owner: str | None = key("who answers for it")
    ticket: str | None = key("where it was agreed")
    text: str = key("what iptables-save prints of the rule; empty of a row")


@dataclass(frozen=True, kw_only=True)
class Logged:
    """A rule that logs."""

    prefix: str = key("what it logs with", of=itemgetter(0))
    rule: Rule = key(of=itemgetter(1))


@dataclass(frozen=True, kw_only=True)
class DeniedProbe(OfPair):
    """A denied flow that was sent."""

    service: str = key("`tcp/22`")
    verdict: Kind = key(of="verdict.kind")
    proof: str = key("what the verdict rests on, in one sentence", of="verdict.proof")
    rule: Rule | None = key("the rule that stopped it", of=lambda one: one.verdict.stopped_by or one.verdict.rule)
    logged: Many[Logged] = key("the rules that log it; empty: none does")
    path: Many[Step] = key("the request's first packet: the proof", of=steps_of)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """An earlier run."""

    file: str = key("what was given")
    cells: Count = key("of it")
    passed: Count = key("of these")
    exit_code: int = key("of that run")
    finished: bool = key("whether it came to its end")
    matrices: Many[str] = key("whose cells they are")
    kernel: str | None = key("that it was measured on")


def _of_exposure(name: str, otherwise: object) -> Any:
    found = attrgetter(f"exposure.{name}")
    return lambda report: otherwise if report.exposure is None else found(report)


def _not_proven(report: AuditReport) -> tuple[str, ...]:
    return (*(report.exposure.lost if report.exposure is not None else ()), *report.lost)


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What an auditor asks of a topology."""

    version: Literal[1] = key()
    topology: str = key("the topology's name")
    day: str = key("the date that decides what is overdue", of=lambda report: report.day.isoformat())
    outside: Many[str] = key("the words for who was asked from")
    exit_code: ExitCode = key("of `lab audit`")
    interrupted: bool = key("true after Ctrl-C, SIGTERM or SIGHUP: what was finished")
    problems: Many[str] = key("what stopped it", of=texts_of)
    problem_records: Many[ProblemRecord] = problem_records()
    questions: Count = key("pairs and protocols, of 65,535 ports each", of=_of_exposure("questions", 0))
    exposures: Many[Exposure] = key(
        "what answers to who is outside, by which rule, whose it is", of=_of_exposure("exposures", ())
    )
    exceptions: Many[Exemption] = key("rows and rules that are to be looked at again, the first first", of="exemptions")
    denied: Many[DeniedProbe] = key("a denied flow for each zone, family and protocol")
    not_denied: Many[str] = key("zones, families and protocols of which no flow was denied")
    evidence: Evidence | None = key("an earlier run; null: none was given")
    not_proven: Many[str] = key("questions of which something is not proven", of=_not_proven)
    unsettled: Many[str] = key("questions that a rule decides by chance", of=_of_exposure("unsettled", ()))
    not_asked: Many[str] = key(
        "addresses that rules name, from or to which nothing was asked", of=_of_exposure("not_asked", ())
    )
    notes: Many[str] = key("what else the reader must know", of=_of_exposure("notes", ()))
