"""What is exposed, as text, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.record.exposure import Change, Exposure, ExposureReport
from lab.record.sweep import DENIED, Ranges
from lab.record.verdict import Kind
from lab.report.markdown import escape
from lab.report.plain import plain
from lab.report.sweep import arrived_text, some_ports
from lab.report.wire.exposure import Exposures
from lab.report.wire.writing import Written, written

_HEAD = ("from", "to", "ports", "answers", "rule", "owner", "asserted by")
_ANSWERS = {Kind.ALLOWED: "yes", Kind.CLOSED: "nothing listens", Kind.UNANSWERED: "answer lost", Kind.UNROUTED: "let through"}
_ANSWERS |= {kind: f"{kind}, but a copy got through" for kind in DENIED}


def exposure_lines(report: ExposureReport) -> Iterator[str]:
    """The report for a terminal: zone by zone, then what changed, then the numbers."""
    for (zone, into), ones in _by_zones(report.exposures).items():
        yield f"{zone} -> {into}"
        rows = [_row(one) for one in ones]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD) - 1)]
        for row in rows:
            yield "  " + "  ".join(f"{text:{width}}" for text, width in zip(row, (*widths, 0), strict=True)).rstrip()
    for word, changes in (("NEW", report.added), ("gone", report.gone)):
        for change in changes or ():
            yield f"{word}: {change_text(change)}"
    for lost in report.lost:
        yield f"not proven: {plain(lost)}"
    for unsettled in report.unsettled:
        yield f"unsettled: {plain(unsettled)}"
    for words in report.not_asked:
        yield f"not asked: {plain(words)}"
    for rule, why in zip(report.unmet, report.why_unmet, strict=True):
        yield f"no question met {plain(f'{rule}: {why or rule.text}')}"
    for note in report.notes:
        yield f"note: {plain(note)}"
    for problem in report.problems:
        yield f"problem: {plain(str(problem))}"
    if not report.finished:
        yield f"{'interrupted' if report.interrupted else 'stopped'}: this is what was finished"
    yield summary(report)


def summary(report: ExposureReport) -> str:
    """One line with the numbers."""
    open_ports = sum(_count(one.ports) for one in report.exposures)
    unasserted = sum(_count(one.unasserted) for one in report.exposures)
    words = [
        f"{report.topology}: {len(report.exposures)} exposures ({open_ports:,} ports, {unasserted:,} asserted by no matrix)",
        f"{report.questions} questions of 65,535 ports, {report.swept} of them with a packet for each port",
        f"{report.seconds:.1f} s",
    ]
    if report.added is not None and report.gone is not None:
        words.append(f"{len(report.added)} new, {len(report.gone)} gone")
    return ", ".join(words)


def change_text(change: Change) -> str:
    """``world > web-vip (198.51.100.2) tcp/8443``."""
    source = "" if change.source is None or change.sources is None else f" ({_for(change.source, change.sources)})"
    target = _for(change.address, change.targets)
    return plain(f"{change.sender}{source} > {change.target} ({target}) {change.proto}/{some_ports(change.ports)}")


def _for(address: str, others: str | None) -> str:
    return address if others in (None, address) else f"{address}, for {others}"


def exposure_markdown(report: ExposureReport) -> str:
    """The report as GitHub-flavoured Markdown; nothing of a file is taken for markup."""
    lines = [f"## What is exposed: {escape(report.topology)}", "", escape(summary(report)), ""]
    if not report.finished:
        lines += [f"- **{'interrupted' if report.interrupted else 'stopped'}**: this is what was finished"]
    lines += [f"- **problem**: {escape(str(problem))}" for problem in report.problems]
    for word, changes in (("newly exposed", report.added), ("no longer exposed", report.gone)):
        lines += [f"- **{word}**: {escape(change_text(change))}" for change in changes or ()]
    lines += [f"- **not proven**: {escape(lost)}" for lost in report.lost]
    lines += [f"- **unsettled**: {escape(text)}" for text in report.unsettled]
    for (zone, into), ones in _by_zones(report.exposures).items():
        lines += ["", f"### {escape(zone)} → {escape(into)}", "", "| " + " | ".join(_HEAD) + " |"]
        lines += ["| " + " | ".join("---" for _ in _HEAD) + " |"]
        lines += ["| " + " | ".join(escape(text) for text in _row(one)) + " |" for one in ones]
    return "\n".join([*lines, ""])


def exposure_json(report: ExposureReport) -> Written:
    """The report for machines, and for ``--against``."""
    return written(Exposures, report)


def _by_zones(exposures: Sequence[Exposure]) -> dict[tuple[str, str], list[Exposure]]:
    found: dict[tuple[str, str], list[Exposure]] = {}
    for one in exposures:
        found.setdefault((one.pair.zone, one.pair.into), []).append(one)
    return found


def _row(one: Exposure) -> tuple[str, ...]:
    rule = one.rule
    named = "" if rule is None else f"{rule}{f' [{rule.source}]' if rule.source else ''}"
    who = " ".join(str(word) for word in (one.owner, one.ticket, one.review) if word is not None)
    asked = one.ports[0][0] if _count(one.ports) == 1 else None
    arrived = f" -> {arrived_text(one.arrived, asked)}" if one.arrived is not None else ""
    answers = _ANSWERS.get(one.kind, str(one.kind)) + (", unsettled" if one.unsettled else "")
    asserted = "; ".join(one.asserted) or "nothing"
    if one.asserted and one.unasserted:
        asserted += f", but not {some_ports(one.unasserted)}"
    shown = f"{one.pair.sender}", f"{one.pair.target} ({one.pair.address})", f"{one.proto}/{some_ports(one.ports)}"
    return tuple(map(plain, (*shown, answers + arrived, named, who or "-", asserted)))


def _count(ports: Ranges) -> int:
    return sum(high - low + 1 for low, high in ports)
