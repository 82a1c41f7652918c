"""A table of conntrack: what ``lab conntrack --json`` writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.record.verdict import Kind
from lab.report.wire.document import key
from lab.report.wire.parts import Count, ExitCode, Many, ProblemRecord, problem_records, texts_of
from lab.report.wire.seen import Packet


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry."""

    state: str = key("the TCP state; ESTABLISHED or NEW for another protocol")
    status: Many[str] = key("UNREPLIED, ASSURED, EXPECTED, OFFLOAD")
    timeout_s: int | None = key("seconds until it would expire; null: none is told")
    mark: Count = key("its mark")
    zone_orig: Count = key("the zone of its original direction; 0: none")
    zone_reply: Count = key("the zone of its answers; 0: none")
    helper: str | None = key("the helper that it has")
    labels: Many[str] = key("its labels, by number, or by name where they were written so")
    original: Packet = key()
    reply: Packet = key()


@dataclass(frozen=True, kw_only=True)
class Counted:
    """How many entries have something in common."""

    what: str = key("`tcp ESTABLISHED`, an address, `tcp/443`, `zone 7`")
    entries: Count = key("how many these are")
    unanswered: Count = key("of these, without an answer")


@dataclass(frozen=True, kw_only=True)
class HeldFlow:
    """One flow that was to be open while the table was read."""

    of: str = key("who asked whom for what")
    passed: bool = key("it was open")
    tracked: bool = key("the node had an entry of it")
    verdict: Kind = key("of the step that it came to last", of="verdict.kind")
    proof: str = key("what that rests on", of="verdict.proof")


@dataclass(frozen=True, kw_only=True)
class Table:
    """The table."""

    of: str = key("the node, or the file")
    entries: Count = key("how many there are")
    unanswered: Count = key("of these, without an answer")
    by_state: Many[Counted] = key("the most frequent first")
    by_protocol: Many[Counted] = key()
    by_source: Many[Counted] = key("the most frequent, 1,000 at most")
    by_service: Many[Counted] = key("likewise")
    by_more: Many[Counted] = key("zones, marks, helpers, translations, offloaded")
    sources: Count = key("how many sources there are")
    services: Count = key("how many services")
    shown: Many[Entry] = key("the first entries; with --full all")


@dataclass(frozen=True, kw_only=True)
class Conntrack:
    """A table of conntrack, and what was held open for it."""

    version: Literal[1] = key()
    exit_code: ExitCode = key("of `lab conntrack`")
    interrupted: bool = key("true after Ctrl-C, SIGTERM or SIGHUP")
    problems: Many[str] = key("what stopped it", of=texts_of)
    problem_records: Many[ProblemRecord] = problem_records()
    backend: str = key("which iptables loaded the rulesets; empty where the table was read from a file")
    table: Table = key()
    flows: Many[HeldFlow] = key("held open while it was read; none for a file")
    guesses: Many[str] = key("of a twin: what no dump says and was concluded, with the line that it rests on")
    notes: Many[str] = key("what else the reader must know")
