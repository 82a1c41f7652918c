"""The results of a run: what ``lab run --json`` writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.record import observation
from lab.record.result import CellResult, Outcome, StepResult
from lab.record.verdict import Kind
from lab.report.wire.document import key
from lab.report.wire.parts import (
    Count,
    ExitCode,
    Family,
    Many,
    Number,
    ProblemRecord,
    Rule,
    hints_of,
    problem_records,
    texts_of,
)
from lab.report.wire.seen import Arrived, Conntrack, Copied, Decided, Logged, Routing, Session, Step, routing_of, steps_of


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The numbers of a run."""

    cells: Count = key("passed + fail_open + fail_closed + mismatch + errors")
    passed: Count = key("cells that are passed")
    fail_open: Count = key("cells that are fail_open")
    fail_closed: Count = key("cells that are fail_closed")
    mismatch: Count = key("cells that are mismatch")
    errors: Count = key("cells whose measurement failed")
    suspect: Count = key("cells denied, but perhaps for the wrong reason; counted beside the classes")
    seconds: Number = key("wall time of the run", of=lambda summary: round(summary.seconds, 3))
    repeats: Count = key("probes sent again after a detected failure of the instrument, or for more evidence")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The verdict of a cell, or of some of its ports."""

    verdict: Kind = key(of="verdict.kind")
    proof: str = key("what the verdict rests on, in one sentence", of="verdict.proof")
    packet: str | None = key(
        "the first packet that did not get through: SYN, ACK, data, answer, …", of="verdict.packet"
    )
    node: str | None = key("where that happened", of="verdict.node")
    reject: str | None = key("the kind of a REJECT, in iptables' words", of="verdict.reject")
    muted: bool = key("a REJECT whose answer the sender never saw", of="verdict.muted")
    rule: Rule | None = key("the deciding rule at the node under test", of="verdict.rule")
    stopped_by: Rule | None = key(
        "the rule that dropped what did not get through, request or answer; null where none did",
        of="verdict.stopped_by", older=None,
    )
    muted_by: Rule | None = key(
        "the rule that dropped the answer of a REJECT; null: it was heard, or that is not known",
        of="verdict.muted_by", older=None,
    )
    decided: Many[Decided] = key("the deciding rule at every traced node on the way", of="verdict.decided")
    arrived: Arrived | None = key("what the receiver saw; null when nothing came to it", of="verdict.arrived")
    session: Session | None = key(
        "of a session of an application: what its ends said; all else is then of its data connection, if it came to one",
        of="verdict.observation.session", older=None,
    )


@dataclass(frozen=True, kw_only=True)
class _SomePorts:
    ports: str = key("as a person writes them: `1-442,444-65535`")
    count: Count = key("ports in it")


@dataclass(frozen=True, kw_only=True)
class Group(Judged, _SomePorts):  # the keys of the last base come first
    """Ports of a range that share a verdict."""


@dataclass(frozen=True, kw_only=True)
class _SomePackets:
    numbers: str = key("which packets, from 1, as a person writes them: `1-5`")
    count: Count = key("packets in it")
    passed: bool = key("past the node under test; what is expected of such packets holds of them")
    expected: str = key("allow, drop, reject or deny, and what else must hold")
    result: Outcome = key(of="outcome")
    differences: Many[str] = key("each difference between expected and actual")


@dataclass(frozen=True, kw_only=True)
class BurstGroup(Judged, _SomePackets):  # the keys of the last base come first
    """Packets of a burst that fared alike; the verdict is that of the first."""


@dataclass(frozen=True, kw_only=True)
class Burst:
    """The packets of a burst from one source to one port."""

    sender: str = key("as the matrix writes it", named="from")
    source: str = key("the address that it was sent from")
    port: int | None = key("the port that was asked; null for a protocol without ports")
    sent: Count = key("packets")
    passed: Count = key("how many passed")
    least: Count = key("how many were to pass at least")
    most: Count = key("how many were to pass at most")
    seconds: Number = key("how long it took", of=lambda burst: round(burst.seconds, 3))
    after: Number = key("seconds that were waited before; 0 but for the second of two bursts")
    refilled: Count = key("how many more than in no time the limits bore in these seconds at most")
    limit: str = key("which limits these are; empty: none")
    groups: Many[BurstGroup] = key("all of its packets")


def _verdict_of(step: StepResult) -> str | None:
    return None if step.verdict is None else str(step.verdict)


def _rule_of(step: StepResult) -> str | None:
    rule = None if step.verdict is None else step.verdict.stopped_by or step.verdict.rule
    return None if rule is None else str(rule)


@dataclass(frozen=True, kw_only=True)
class Way:
    """In which way a flow was run, where it can be run in several."""

    backend: Literal["nft", "legacy"] = key("which iptables loaded the rulesets")
    policies: dict[str, str] = key("the policy's name for each node that has one", of=lambda way: dict(way.policies))
    revision: str | None = key("tells policies of one name apart; null where nobody gave one")


_OF_BEFORE = Way(backend="nft", policies={}, revision=None)


def _here(cell: CellResult) -> observation.Conntrack | None:
    return next((entry for entry in cell.verdict.observation.conntrack if entry.node == cell.at), None)


def _elsewhere(cell: CellResult) -> list[observation.Conntrack]:
    here = _here(cell)
    return [entry for entry in cell.verdict.observation.conntrack if entry is not here]


@dataclass(frozen=True, kw_only=True)
class FlowStep:
    """A step of a flow of several packets."""

    number: Count = key("its place in the row, from 1")
    step: str = key("what it does, as the row says it", of="words")
    session: str = key("empty where the row has one only")
    where: str = key("its file and line")
    result: Outcome = key(of="outcome")
    expected: str = key("what is expected of what it sends; empty where it sends nothing")
    verdict: str | None = key("the verdict in words; null where it sends nothing", of=_verdict_of)
    proof: str | None = key(of=lambda step: step.verdict and step.verdict.proof)
    rule: str | None = key("the rule that decided", of=_rule_of)
    differences: Many[str] = key("what is otherwise, or why it could not be done")
    seconds: Number = key("how long it took: of `wait`, real time", of=lambda step: round(step.seconds, 6))


@dataclass(frozen=True, kw_only=True)
class _Asked:
    id: str = key("`matrix::row[from->to service]`, with `/6` for IPv6")
    matrix: str = key("the matrix's name")
    row: str = key("the row's name")
    where: str = key("file and line of the row")
    sender: str = key("as the matrix writes it", named="from")
    to: str = key("as the matrix writes it", of="target")
    service: str = key("as the matrix writes it")
    family: Family = key()
    at: str = key("the node under test", older="")
    way: Way = key(older=_OF_BEFORE)
    source: str = key("the address that it was sent from", older="")
    kernel_source: str | None = key(
        "what the sender's kernel would choose; null: it has one, or the row names one", older=None
    )
    expected: str = key("allow, drop, reject or deny, and what else must hold")
    result: Outcome = key(of="outcome")
    suspect: bool = key("denied outside the filter table, or by the INVALID or rpfilter rule, and no rule named")
    known: bool = key("fails as its `known:` entry says, and therefore counts as passed")
    differences: Many[str] = key("each difference between expected and actual")
    hints: Many[str] = key("why it is not as expected, and what would mend it", of=hints_of)
    warnings: Many[str] = key("what `--strict` would fail")
    notes: Many[str] = key(
        "what else the reader must know, such as another verdict from other source ports", older=()
    )
    ports: Count = key("ports probed; 1 for a protocol without ports")
    groups: Many[Group] = key("not empty when a range's ports differ")
    steps: Many[FlowStep] = key("of a flow of several packets, up to the first that is wrong, whose verdict it has", older=())
    steps_left: int = key("steps that were not done, as one before them was wrong", older=0)
    bursts: Many[Burst] = key("of a row with a burst: one for each source and port", older=())


@dataclass(frozen=True, kw_only=True)
class Cell(Judged, _Asked):
    """A flow of a matrix: what was asked, what became of it, and the evidence."""

    conntrack: Conntrack | None = key(
        "the flow's entry at the node under test, read before anything was closed", of=_here
    )
    conntrack_elsewhere: Many[Conntrack] = key(of=_elsewhere)
    logged: Many[Logged] = key(
        "what was logged of the flow, where its row asks for it", of=lambda cell: cell.verdict.observation.logged or (),
        older=(),
    )
    path: Many[Step] = key("the request's first packet", of=steps_of)
    copies: Many[Copied] = key("its copies at nodes after `copied`", of="verdict.observation.copies", older=())
    routing: Many[Routing] = key(
        "how nodes that have routing rules of their own routed it and its answer", of=routing_of, older=()
    )
    probe_us: Number = key("microseconds that the probe took", of=lambda cell: round(cell.probe_us, 1))


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """A flow whose verdicts differ."""

    flow: str = key("its id, in the first way")
    left: str = key("the verdict there, in words")
    right: str = key("the verdict in the second way")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The same flows in two ways."""

    left: str = key("the first way: IPv4, nft")
    right: str = key("the second: IPv6, legacy")
    flows: int = key("how many flows were run in both ways")
    differ: Many[Contrast] = key("those of them whose verdict differs", of="contrasts")


@dataclass(frozen=True, kw_only=True)
class Run:
    """The results of a run."""

    version: Literal[1] = key()
    summary: Summary = key()
    exit_code: ExitCode = key("of `lab run`; 130 after Ctrl-C, 143 SIGTERM, 129 SIGHUP")
    interrupted: bool = key("true after Ctrl-C, SIGTERM or SIGHUP: the cells are those that were finished")
    problems: Many[str] = key("what stopped a matrix, or the run", of=texts_of)
    problem_records: Many[ProblemRecord] = problem_records()
    notes: Many[str] = key("what else the reader of the results must know", older=())
    cells: Many[Cell] = key("in the order of the matrix files", of="results")
    comparisons: Many[Comparison] = key("the same flows in two ways", older=())
    machine: dict[str, object] = key(
        "kernel, iptables version and backend, rulesets, sysctls", of="machine"
    )
