"""What two sets of rules do differently: what ``lab diff --json`` writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.record import difference
from lab.record.verdict import Kind
from lab.report.wire.document import key
from lab.report.wire.parts import Count, ExitCode, Family, Many, Number, ProblemRecord, Rule, problem_records, texts_of
from lab.report.wire.seen import Arrived, Step, steps_of


@dataclass(frozen=True, kw_only=True)
class Flow:
    """One flow as it is sent."""

    node: str = key("who sends it")
    source: str = key("its address")
    destination: str = key("the address that it is sent to")
    service: str = key("`tcp/443`, `icmp/echo-request`, `proto/47`")
    family: Family = key()
    sport: int | None = key("the source port; null: the lab chose")
    flags: Many[str] = key("of a bare segment")


@dataclass(frozen=True, kw_only=True)
class FlowClass:
    """Flows that neither side tells apart."""

    sources: Many[str] = key("prefixes, addresses and first-last")
    destinations: Many[str] = key("likewise")
    services: Many[str] = key("`tcp/443`, `udp/1-1024`")
    size: int | None = key("sources by destinations by services; null: it is not known")
    whole: bool = key("whether every combination of the three is in the class")
    entered: Many[str] = key("the interfaces of the node that they come in by")


@dataclass(frozen=True, kw_only=True)
class Side:
    """What became of the flow on one side."""

    verdict: Kind = key(of="verdict.kind")
    proof: str = key("what the verdict rests on, in one sentence", of="verdict.proof")
    reject: str | None = key("the kind of a REJECT, in iptables' words", of="verdict.reject")
    muted: bool = key("a REJECT whose answer the sender never saw", of="verdict.muted")
    rule: Rule | None = key("the deciding rule at the node; null: none decided")
    owner: str | None = key("of the rule, by its comment")
    ticket: str | None = key("likewise")
    review: str | None = key("likewise: a date", of=lambda side: side.review and side.review.isoformat())
    then: Many[Rule] = key("the rules that would deny it as well, one after the other")
    arrived: Arrived | None = key("what the receiver saw; null when nothing came to it", of="verdict.arrived")
    path: Many[Step] = key("the request's first packet", of=steps_of)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A class of flows that the two sides treat differently, as the kernel confirmed of one of them."""

    aspect: difference.Aspect = key("in what; the gravest first")
    opens: bool = key("allowed now, and denied before")
    closes: bool = key("denied now, and allowed before")
    intended: str | None = key("the row of the change that asked for it; null: none did")
    rests_on: Many[str] = key("conditions that decided and that no model reads")
    flow: Flow = key("the flow that was sent on both sides")
    flows: FlowClass = key("the class that it stands for", of="of")
    old: Side = key()
    new: Side = key()


@dataclass(frozen=True, kw_only=True)
class Denied:
    """What a model proposed as different, and the kernel did not confirm."""

    flow: Flow = key()
    proposed: str = key("what the model said")
    found: str = key("what the kernel did")


@dataclass(frozen=True, kw_only=True)
class Reached:
    """How the flows were found."""

    classes: Count = key("classes of flows that were told apart")
    asked: Count = key("flows that were sent")
    sampled: bool = key("true: flows were drawn, so another difference may be there")
    seed: int | None = key("of what was drawn")
    but_for: Many[str] = key("kinds of condition that no model reads, with the number of rules")
    unsendable: Many[str] = key("what the lab cannot send, with the number of classes that need it")


@dataclass(frozen=True, kw_only=True)
class RowOutcome:
    """A row that a change intends, or a cell that has to hold."""

    name: str = key()
    passed: bool = key()
    what: str = key("what was otherwise; empty where nothing was")


@dataclass(frozen=True, kw_only=True)
class SeenFlow:
    """Live flows of one service and peer that fare otherwise now."""

    how: str = key("cut, translated otherwise, newly open")
    peer: str = key()
    service: str = key()
    count: Count = key()


def _counts(report: difference.DiffReport) -> dict[str, int]:
    others = report.collateral
    return {
        "classes": len(report.differences),
        "opens": sum(one.opens for one in report.differences),
        "closes": sum(one.closes for one in report.differences),
        "intended": len(report.differences) - len(others),
        "collateral": len(others),
        "collateral_opens": sum(one.opens for one in others),
    }


@dataclass(frozen=True, kw_only=True)
class Counts:
    """The numbers of a comparison."""

    classes: Count = key("classes of flows that differ")
    opens: Count = key("of these, those that are allowed now and were denied")
    closes: Count = key("of these, those that are denied now and were allowed")
    intended: Count = key("of these, those that a change asked for")
    collateral: Count = key("of these, the others")
    collateral_opens: Count = key("of those, the ones that open something")


@dataclass(frozen=True, kw_only=True)
class Diff:
    """All that a change changes at one node."""

    version: Literal[1] = key()
    old: str = key("what one side is called")
    new: str = key("what the other one is called")
    node: str = key("the node whose rules are compared")
    topology: str = key("the topology's name")
    seconds: Number = key("wall time", of=lambda report: round(report.seconds, 3))
    exit_code: ExitCode = key("of `lab diff`")
    interrupted: bool = key("true after Ctrl-C, SIGTERM or SIGHUP: what was finished")
    problems: Many[str] = key("what stopped it", of=texts_of)
    problem_records: Many[ProblemRecord] = problem_records()
    counts: Counts = key(of=_counts)
    differences: Many[Difference] = key("by aspect, what opens first, then the largest class first")
    reached: Reached = key("how the flows were found")
    denied: Many[Denied] = key("what a model proposed and the kernel denied: no difference")
    not_proven: Many[str] = key("flows of which nothing is proven", of="lost")
    change: str | None = key("the change file; null without one")
    intended: Many[RowOutcome] = key("the rows that a change intends")
    holds: Many[RowOutcome] = key("what has to hold as before")
    breadth: float | None = key("what was opened beyond what was asked for, as a ratio; null where nothing was asked for")
    seen: Many[SeenFlow] = key("live flows that fare otherwise now")
    notes: Many[str] = key("what else the reader must know")


@dataclass(frozen=True, kw_only=True)
class Diffs:
    """All policies that one command compared."""

    version: Literal[1] = key()
    exit_code: ExitCode = key("of `lab diff`")
    interrupted: bool = key("true after Ctrl-C, SIGTERM or SIGHUP: what was finished")
    problems: Many[str] = key("what stopped it", of=texts_of)
    problem_records: Many[ProblemRecord] = problem_records()
    same: Many[str] = key("policies whose texts are the same: nothing was asked of them")
    apart: Many[str] = key("what differs and cannot be asked, as only one side has it", older=())
    notes: Many[str] = key("what else the reader must know")
    diffs: Many[Diff] = key("those that differ, one for each node and topology", of="reports")
