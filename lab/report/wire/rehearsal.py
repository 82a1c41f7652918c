"""A change window rehearsed: what ``lab rehearse --json`` writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.record.rehearsal import End, Phase
from lab.report.wire.diff import RowOutcome
from lab.report.wire.document import key
from lab.report.wire.parts import Count, ExitCode, Many, Number, ProblemRecord, problem_records, texts_of
from lab.report.wire.window import Window


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened."""

    seconds: Number = key("since the rehearsal began")
    phase: Phase = key("by the clock of a real window; the time between its phases is left out")
    what: str = key()
    witness: str = key("what told it")
    good: bool | None = key("whether it was as it should be; null: neither")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One way in which a window may go wrong."""

    name: str = key()
    passed: bool = key("whether the rollback held")
    what: str = key("what was otherwise; empty where nothing was")


@dataclass(frozen=True, kw_only=True)
class RuleCount:
    """A rule that packets met since the apply."""

    rule: str = key()
    packets: Count = key()


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """What of the node was otherwise afterwards than it should be."""

    kind: str = key()
    what: str = key()
    carried: bool = key("true: state that packets or time made, and no rule, set, route or sysctl")


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """One change rehearsed on one node."""

    change: str = key("its name: the ticket")
    node: str = key()
    topology: str = key()
    old: str = key("what the rules of before are called", of=lambda told: told.names[0])
    new: str = key("what those of afterwards are called", of=lambda told: told.names[1])
    backend: str = key()
    way: str = key("how they were applied")
    timer_s: int | None = key("what the timer waits for on the real host, in seconds; null: there is none")
    end: End = key("how it ended")
    ends: End = key("how it was to end")
    opens: bool = key("true: it is known that packets get through meanwhile that should not")
    breaks: bool = key("true: it is known that packets are stopped meanwhile, or flows end")
    locked_out: str = key("in words, by which rule a new connection of the admin was stopped; empty: it was not")
    seconds: Number = key("how long it took, times left out")
    events: Many[Event] = key()
    window: Window | None = key("what became of packets meanwhile; null: it did not come to that")
    intended: Many[RowOutcome] = key("the rows that the change intends")
    holds: Many[RowOutcome] = key("the cells of the matrices that must hold")
    counters: Many[RuleCount] = key("of rules that packets met after the apply")
    left: Many[Leftover] = key("what was otherwise afterwards than it should be")
    trials: Many[Trial] = key("what the rollback was tried with")
    faults: Many[str] = key("why it did not go as the change says; none: it did")
    notes: Many[str] = key("what else the reader must know")
    problems: Many[str] = key("what stopped it", of=texts_of)


@dataclass(frozen=True, kw_only=True)
class Rehearsals:
    """Changes rehearsed."""

    version: Literal[1] = key()
    exit_code: ExitCode = key("of `lab rehearse`")
    interrupted: bool = key("true after Ctrl-C, SIGTERM or SIGHUP")
    problems: Many[str] = key("what stopped it", of=texts_of)
    problem_records: Many[ProblemRecord] = problem_records()
    rehearsals: Many[Rehearsal] = key(of="done")
