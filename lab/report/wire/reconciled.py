"""What a host runs against its policy: what ``lab reconcile --json`` writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.report.wire.diff import Diff
from lab.report.wire.document import key
from lab.report.wire.parts import Count, ExitCode, Many, ProblemRecord, problem_records, texts_of


@dataclass(frozen=True, kw_only=True)
class Unwritten:
    """A rule that the host runs and the policy has not."""

    place: str = key("where it stands on the host", of=lambda one: str(one.place))
    text: str = key()
    behind: str | None = key("the line of the policy that it is to be carried behind; null: before the others of its chain")
    writer: str | None = key("the program that writes such chains by itself; null: none is known")
    owner: str | None = key("by its comment")
    ticket: str | None = key("likewise")
    review: str | None = key("likewise: a date", of=lambda one: one.review and one.review.isoformat())
    lacks: Many[str] = key("of owner, ticket and date what its comment does not say")
    overdue: bool = key("whether its date is past")


@dataclass(frozen=True, kw_only=True)
class Other:
    """A rule that the policy has and the host runs elsewhere, or not at all."""

    place: str = key("where it stands", of=lambda one: str(one.place))
    text: str = key()
    source: str | None = key("its line in the policy")


@dataclass(frozen=True, kw_only=True)
class OtherPolicy:
    """A base chain whose policy differs."""

    family: str = key()
    table: str = key()
    chain: str = key()
    running: str | None = key("on the host; null: there is no such chain")
    written: str | None = key("in the policy; likewise")


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Rule by rule."""

    same: Count = key("rules that stand in both alike")
    unwritten: Many[Unwritten] = key("those that the host alone has")
    unloaded: Many[Other] = key("those that the policy alone has")
    moved: Many[Other] = key("those that stand elsewhere in their chain")
    policies: Many[OtherPolicy] = key("chains whose policy differs")


@dataclass(frozen=True, kw_only=True)
class Reconciliation:
    """What a host runs against what its policy says."""

    version: Literal[1] = key()
    exit_code: ExitCode = key("of `lab reconcile`")
    interrupted: bool = key("true after Ctrl-C, SIGTERM or SIGHUP")
    problems: Many[str] = key("what stopped it", of=texts_of)
    problem_records: Many[ProblemRecord] = problem_records()
    behaviour: Diff | None = key("the flows that fare otherwise: old is the policy, new is the host; null: it did not finish")
    rules: Rules | None = key("null: it did not finish")
