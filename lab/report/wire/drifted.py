"""Whether a host drifted, and what its next boot changes: what ``lab drift --json`` writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.report.drifted import headline
from lab.report.wire.diff import Diff, Difference
from lab.report.wire.document import key
from lab.report.wire.parts import ExitCode, Many, ProblemRecord, problem_records, texts_of
from lab.report.wire.reconciled import Rules

Stands = Literal["same", "same behaviour, other rules", "drifted", "not known"]


@dataclass(frozen=True, kw_only=True)
class ByProgram:
    """Flows that fare otherwise by a rule which a program writes by itself; no drift."""

    program: str = key("fail2ban, docker, …")
    difference: Difference = key()


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two sets of rules of the host."""

    standing: Stands = key("by behaviour first", of=lambda one: str(one.standing))
    behaviour: Diff = key("the flows that fare otherwise; its `seconds` are 0, as the same host makes the same document")
    rules: Rules = key("rule by rule")
    by_programs: Many[ByProgram] = key("what a program's own rule decides otherwise, and is in no other key")


@dataclass(frozen=True, kw_only=True)
class NextBoot:
    """What the host runs against what its next boot loads: of `rules`, `unwritten` are lost and `unloaded` come back."""

    compared: Compared | None = key("old is the host, new is its next boot; null: it was not compared")
    files: Many[str] = key("what is loaded, in its order")
    why: str | None = key("why it was not compared: not captured, or not known")
    refused: Many[str] = key("why what is loaded is refused", of=lambda one: [str(problem) for problem in one.refused])
    notes: Many[str] = key("what else the reader must know")


@dataclass(frozen=True, kw_only=True)
class Drifted:
    """Whether a host runs what its policy says, and what its next boot changes."""

    version: Literal[1] = key()
    exit_code: ExitCode = key("of `lab drift`")
    interrupted: bool = key("true after Ctrl-C, SIGTERM or SIGHUP")
    problems: Many[str] = key("what stopped it", of=texts_of)
    problem_records: Many[ProblemRecord] = problem_records()
    headline: str = key("the answer in a line; empty: it did not finish", of=lambda one: headline(one) if one.host else "")
    host: str = key("its name")
    policy: str | None = key("what it is held against; null: no policy was given")
    restarted: bool | None = key("whether it was restarted since the earlier snapshot that it is held against; null: not known")
    now: Compared | None = key("old is the policy, new is the host; null: no policy was given, or it did not finish")
    boot: NextBoot | None = key("null: it did not finish")
