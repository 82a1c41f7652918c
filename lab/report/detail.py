"""One cell told in full: what was expected, what happened, how it is known, and what probably mends it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from lab.record.logs import LogMessage
from lab.record.observation import Conntrack, Counter, Observation
from lab.record.path import End, Path
from lab.record.result import BurstResult, CellResult, told_apart
from lab.record.trace import Trace
from lab.record.verdict import Kind, Verdict
from lab.report.entry import further_words
from lab.report.failure import (
    Line,
    arrival_text,
    deciding,
    differs,
    failure_lines,
    happened,
    head,
    in_a_word,
    place,
    reasons,
    written,
)
from lab.report.path import describe_path
from lab.report.plain import plain_lines

_LABEL_WIDTH = 12
_PASSED = (End.LEFT, End.DELIVERED)


def explain(cell: CellResult) -> str:
    """Return one cell as plain text: what `failure_lines` tell of it, then the evidence: what was seen, and the path.

    No control character of a file is in it, line breaks aside, and no markup of any output format.
    """
    return "\n".join([in_brief(cell), *evidence(cell)])


def in_brief(cell: CellResult) -> str:
    """Return the same without the evidence."""
    return "\n".join([head(cell), *written(failure_lines([cell], with_path=True), _LABEL_WIDTH)])


def evidence(cell: CellResult) -> list[str]:
    """The lines that prove what `failure_lines` tell: the proof, what the witnesses saw, the path hook by hook."""
    return [
        *_block("cell", [cell.id]),
        *_block("source", [_source(cell)]),
        *_block("proof", [_proof(cell.verdict)] if cell.verdict.proof not in happened(cell.verdict) else ()),
        *_block("burst", map(partial(_burst, cell.bursts), cell.bursts)),
        *_block("warning", cell.warnings),
        *_block("note", cell.notes),
        *_evidence(cell.verdict),
    ]


def explain_trace(trace: Trace) -> str:
    """Return one probe as plain text: the verdict with its proof, whether it was expected, why, and the path hook by hook."""
    verdict = trace.verdict
    packet = f", for the {verdict.packet}" if verdict.packet else ""
    at = f" at {verdict.node}" if verdict.node and verdict.rule is None else ""
    as_said = "" if trace.expected is None else f", expected {trace.expected}" if trace.differences else ", as expected"
    told = [
        Line("verdict", f"{in_a_word(verdict)}{at}{packet}{as_said}"),
        Line("verdict", _proof(verdict)),
        *differs(trace.expected or "", verdict, trace.differences),
        *deciding(verdict, None),
        *(Line("then", f"also blocked by {rule}{place(rule)}: {rule.text}") for rule in trace.blockers),
        *reasons(trace.hints),
        *(Line("warning", text) for text in trace.warnings),
        *(Line("note", text) for text in trace.notes),
    ]
    return "\n".join([*written(told, _LABEL_WIDTH), *_evidence(verdict), *_block("guessed", trace.guesses)])


def _burst(bursts: tuple[BurstResult, ...], one: BurstResult) -> str:
    return f"{told_apart(bursts, one)}{one} ({one.passed} of {one.sent} passed in {one.seconds:.2f} s)"


def _source(cell: CellResult) -> str:
    """Which of a sender's several addresses it is; empty where there is no choice."""
    if cell.kernel_source is None:
        return ""
    if cell.bound:
        return f"{cell.source}, which only a bound socket sends from: the kernel's own choice is {cell.kernel_source}"
    return f"{cell.source}, the kernel's own choice"


def _proof(verdict: Verdict) -> str:
    """The proof, without the rule that is told beside it."""
    stopped = verdict.stopped_by
    return verdict.proof if stopped is None else verdict.proof.replace(f" by {stopped}", "").replace(f" of {stopped}", "")


def _evidence(verdict: Verdict) -> list[str]:
    """What decided elsewhere, what the witnesses saw, and the path."""
    seen = verdict.observation
    told = (verdict.stopped_by or verdict.rule, verdict.muted_by)
    lines = _block("elsewhere", (f"{rule} accepted it{place(rule)}" for _, rule in verdict.decided if rule not in told))
    lines += _block("sent", [str(seen.sent)])
    if seen.session is not None:
        lines += _block("session", seen.session.said)
        lines += _paths("control", seen.session.control.request if seen.session.control is not None else (), seen.counters)
    lines += _witnesses(seen)
    lines += _paths("path", seen.request, seen.counters)
    if verdict.kind is Kind.UNANSWERED:
        lines += _paths("answer", seen.answer, seen.counters)
    stopped = [path for path in seen.others if path.end not in _PASSED]
    return lines + _paths("then", stopped, seen.counters)


def _witnesses(seen: Observation) -> list[str]:
    """What the receiver, the sender's error queue, conntrack and the instrument itself said."""
    lines = _block("not sent", [seen.local_error or ""])
    if seen.arrived is not None:
        lines += _block("arrived", [arrival_text(seen.arrived)])
    if seen.refusal is not None:
        sender = f" from {seen.refusal.sender}" if seen.refusal.sender else ""
        lines += _block("refused", [f"{seen.refusal.kind}{sender}"])
    lines += _block("conntrack", (_conntrack(entry) for entry in seen.conntrack))
    lines += _block("logged", map(logged_text, seen.logged or ()))
    lines += _block("losses", (f"{node}: {name} {count}" for node, name, count in seen.losses))
    lines += _block("unresolved", (f"{one.node} asked for {one.address}, and got no answer" for one in seen.unresolved))
    lines += _block("kernel", seen.reasons)
    lines += _block("fault", seen.faults)
    if seen.repeats:
        lines += _block("repeats", [f"sent {seen.repeats + 1} times"])
    return lines


def _paths(label: str, paths: Sequence[Path], counters: Sequence[Counter]) -> list[str]:
    described = describe_path(paths, counters)
    if not described:
        return []
    return [f"  {label}", *(f"    {line}" for line in described)]


def _conntrack(entry: Conntrack) -> str:
    status = f" {','.join(entry.status)}" if entry.status else ""
    further = "".join(f" {word}" for word in further_words(entry))
    return f"{entry.node}: {entry.state}{status}{further}, {entry.original}, answer {entry.reply}"


def logged_text(message: LogMessage) -> str:
    """One packet that was logged, and by whom that is known."""
    level = f" level {message.level}" if message.level is not None else ""
    ports = f"{f' in {message.entered}' if message.entered else ''}{f' out {message.toward}' if message.toward else ''}"
    mark = f" mark {message.mark:#x}" if message.mark else ""
    cut = f"; its message was cut short: {message.copied} of {message.whole} bytes" if message.cut else ""
    return f"{message.prefix!r}{level} {message.by}: {message.packet or 'headers unknown'}{ports}{mark}{cut}"


def _block(label: str, texts: Iterable[str]) -> list[str]:
    """A label and its texts in one column; empty texts are left out, and without any there is no label either."""
    lines = [line for text in texts if text for line in plain_lines(text)]
    return list(_labelled(label, lines))


def _labelled(label: str, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield f"  {label if number == 0 else '':<{_LABEL_WIDTH}}{line}"
