"""One cell told in full: what was expected, what happened, how it is known, and what probably mends it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lab.record.observation import Arrival, Conntrack, Observation
from lab.record.path import End, Path
from lab.record.result import CellResult, Outcome
from lab.record.trace import Trace
from lab.record.verdict import Kind, Verdict
from lab.report.path import describe_path
from lab.report.plain import plain, plain_lines

_LABEL_WIDTH = 12
_PASSED = (End.LEFT, End.DELIVERED)


def explain(cell: CellResult) -> str:
    """Return one cell as plain text: expectation, verdict with proof, rule, path, NAT, differences, hints.

    No control character of a file is in it, line breaks aside, and no markup of any output format.
    """
    known = " (known)" if cell.known and cell.outcome is Outcome.PASSED else ""
    lines = [f"{plain(cell.id)}: {cell.outcome}{known}{', suspect' if cell.suspect else ''}"]
    lines += _block("row", [f"{cell.where} {cell.row}"])
    lines += _block("expected", [cell.expected])
    lines += _block("source", [_source(cell)])
    if cell.groups:
        lines += _block("ports", (_group(group.ports, group.count, group.verdict) for group in cell.groups))
    lines += _verdict_head(cell.verdict)
    lines += _block("differs", cell.differences)
    lines += _block("hint", map(str, cell.hints))
    lines += _block("warning", cell.warnings)
    lines += _block("note", cell.notes)
    lines += _evidence(cell.verdict)
    return "\n".join(lines)


def explain_trace(trace: Trace) -> str:
    """Return one probe as plain text: what was expected, the verdict with its proof, what was seen, the path hook by hook."""
    return "\n".join([
        *_block("expected", [trace.expected or ""]),
        *_verdict_head(trace.verdict),
        *_block("differs", trace.differences),
        *_block("hint", map(str, trace.hints)),
        *_block("warning", trace.warnings),
        *_block("note", trace.notes),
        *_evidence(trace.verdict),
    ])


def sender_text(cell: CellResult) -> str:
    """Return the sender, of one with several addresses with what its kernel says of this one: ``gateway@wan (bound)``."""
    if cell.kernel_source is None:
        return cell.sender
    return f"{cell.sender} ({'bound' if cell.bound else 'the kernel chooses it'})"


def arrival_text(arrival: Arrival) -> str:
    """Return ``at web 10.0.2.10:8443 from 192.0.2.7:40000``."""
    here = _end_point(arrival.address, arrival.port)
    return f"at {arrival.at} {here} from {_end_point(arrival.source, arrival.sport)}"


def _source(cell: CellResult) -> str:
    """Which of a sender's several addresses it is; empty where there is no choice."""
    if cell.kernel_source is None:
        return ""
    if cell.bound:
        return f"{cell.source}, which only a bound socket sends from: the kernel's own choice is {cell.kernel_source}"
    return f"{cell.source}, the kernel's own choice"


def _verdict_head(verdict: Verdict) -> list[str]:
    packet = f", for the {verdict.packet}" if verdict.packet else ""
    at = f" at {verdict.node}" if verdict.node and verdict.rule is None else ""
    reject = f" with {verdict.reject}" if verdict.reject else ""
    muted = ", its answer not seen (muted)" if verdict.muted else ""
    return _block("verdict", [f"{verdict.kind}{reject}{muted}{at}{packet}", verdict.proof])


def _evidence(verdict: Verdict) -> list[str]:
    """The deciding rules, what the witnesses saw, and the path."""
    seen = verdict.observation
    lines: list[str] = []
    if verdict.rule is not None:
        lines += _block("rule", [str(verdict.rule), verdict.rule.text, verdict.rule.source or ""])
    others = [f"{node}: {rule}" for node, rule in verdict.decided if rule != verdict.rule]
    lines += _block("elsewhere", others)
    lines += _block("sent", [str(seen.sent)])
    lines += _witnesses(seen)
    lines += _paths("path", seen.request)
    if verdict.kind is Kind.UNANSWERED:
        lines += _paths("answer", seen.answer)
    stopped = [path for path in seen.others if path.end not in _PASSED]
    return lines + _paths("then", stopped)


def _witnesses(seen: Observation) -> list[str]:
    """What the receiver, the sender's error queue, conntrack and the instrument itself said."""
    lines = _block("not sent", [seen.local_error or ""])
    if seen.arrived is not None:
        lines += _block("arrived", [arrival_text(seen.arrived)])
    if seen.refusal is not None:
        sender = f" from {seen.refusal.sender}" if seen.refusal.sender else ""
        lines += _block("refused", [f"{seen.refusal.kind}{sender}"])
    lines += _block("conntrack", (_conntrack(entry) for entry in seen.conntrack))
    lines += _block("losses", (f"{node}: {name} {count}" for node, name, count in seen.losses))
    lines += _block("unresolved", (f"{one.node} asked for {one.address}, and got no answer" for one in seen.unresolved))
    lines += _block("kernel", seen.reasons)
    lines += _block("fault", seen.faults)
    if seen.repeats:
        lines += _block("repeats", [f"sent {seen.repeats + 1} times"])
    return lines


def _paths(label: str, paths: Sequence[Path]) -> list[str]:
    described = describe_path(paths)
    if not described:
        return []
    return [f"  {label}", *(f"    {line}" for line in described)]


def _conntrack(entry: Conntrack) -> str:
    status = f" {','.join(entry.status)}" if entry.status else ""
    mark = f" mark {entry.mark:#x}" if entry.mark else ""
    return f"{entry.node}: {entry.state}{status}{mark}, {entry.original}, answer {entry.reply}"


def _group(ports: str, count: int, verdict: Verdict) -> str:
    return f"{ports} ({count} {'port' if count == 1 else 'ports'}): {verdict}"


def _end_point(address: str, port: int | None) -> str:
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _block(label: str, texts: Iterable[str]) -> list[str]:
    """A label and its texts in one column; empty texts are left out, and without any there is no label either."""
    lines = [line for text in texts if text for line in plain_lines(text)]
    return list(_labelled(label, lines))


def _labelled(label: str, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield f"  {label if number == 0 else '':<{_LABEL_WIDTH}}{line}"
