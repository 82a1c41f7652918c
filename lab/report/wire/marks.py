"""Which marks there are, and what they are for: what ``lab marks --json`` writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.record.marks import Marked
from lab.report.wire.document import key
from lab.report.wire.parts import Count, ExitCode, Family, Many, ProblemRecord, Rule, problem_records, texts_of


@dataclass(frozen=True, kw_only=True)
class MarkRule:
    """A rule that sets a mark, asks for one, keeps it or gives it back."""

    rule: Rule = key()
    of: Marked = key("packet: the packet mark; flow: the connection's (connmark, ct mark)")
    value: int | None = key("null: it is reckoned out of the packet, or it is whatever the other one is")
    mask: Count = key("the bits that it speaks of")
    negated: bool = key("it asks for all that is not that")


@dataclass(frozen=True, kw_only=True)
class MarkRoute:
    """A routing rule that asks for a packet mark."""

    family: Family = key()
    rule: str = key("as `ip rule` prints it")
    value: Count = key()
    mask: Count = key()


@dataclass(frozen=True, kw_only=True)
class MarkWay:
    """Where the node's kernel would send a packet, as it said when it was asked."""

    to: str = key("an address that no network of the topology has")
    mark: Count = key("the packet's mark")
    table: int | None = key("the table that has the route; null: none has", of="routed.table")
    table_name: str | None = key("what the topology calls it", of="routed.name")
    rule: str | None = key("the routing rule that leads there, concluded from the node's own list", of="routed.rule")
    route: str | None = key("the route, as `ip route` prints it", of="routed.route")
    refused: str | None = key("what the kernel said in place of a route", of="routed.refused")


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One value."""

    value: Count = key()
    set_by: Many[MarkRule] = key("rules that set it")
    asked_by: Many[MarkRule] = key("rules that ask for it")
    routed_by: Many[MarkRoute] = key("routing rules that ask for it")
    ways: Many[MarkWay] = key("where packets with it go, in each family")


@dataclass(frozen=True, kw_only=True)
class MarkMap:
    """The marks of one node."""

    node: str = key()
    marks: Many[Mark] = key("ascending")
    kept_by: Many[MarkRule] = key("rules that keep a packet's mark for its flow")
    given_by: Many[MarkRule] = key("rules that give a flow's mark to its packets")
    cleared_by: Many[MarkRule] = key("rules that set 0")
    reckoned_by: Many[MarkRule] = key("rules that set a value which is not read of their text")
    asked_any_by: Many[MarkRule] = key("rules that ask whether there is a mark")
    without: Many[MarkWay] = key("where packets without a mark go, in each family")
    findings: Many[str] = key("what does not fit together")


@dataclass(frozen=True, kw_only=True)
class Marks:
    """Which marks there are, and what they are for."""

    version: Literal[1] = key()
    exit_code: ExitCode = key("of `lab marks`")
    interrupted: bool = key("true after Ctrl-C, SIGTERM or SIGHUP")
    problems: Many[str] = key("what stopped it", of=texts_of)
    problem_records: Many[ProblemRecord] = problem_records()
    notes: Many[str] = key("what the reader must know of the policies")
    maps: Many[MarkMap] = key("those of the nodes that have rules, or routing rules that ask for marks")
