"""What is exposed as Markdown, grouped as on a terminal: a row for each rule, from zones to zones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.record.exposure import ExposureReport
from lab.report.exposed_rows import way
from lab.report.exposure import (
    asserted_by_none,
    by_reason,
    change_text,
    owner_text,
    row_text,
    rule_text,
    summary,
    unmet_text,
)
from lab.report.markdown import MOST_ROWS, lines_of
from lab.report.markup import code, prose
from lab.report.openings import Opening, openings
from lab.report.zones import Zones, services_text

_HEAD = ("rule", "owner", "ports", "from and to", "answers")


def exposure_markdown(report: ExposureReport) -> str:
    """The report as GitHub-flavoured Markdown; nothing of a file is taken for markup."""
    zones = Zones(report.pairs)
    opened = openings(report.exposures, report.pairs, way)
    lines = [f"## What is exposed: {prose(report.topology)}", "", prose(summary(report, len(opened))), ""]
    lines += (f"- **{word}**: {lines_of(text)}" for word, text in _told(report))
    if opened:
        lines += ["", "| " + " | ".join(_HEAD) + " |", "| " + " | ".join("---" for _ in _HEAD) + " |"]
        rows = [row for opening in opened for row in _rows(opening, zones)]
        lines += rows[:MOST_ROWS]
        if len(rows) > MOST_ROWS:
            lines += ["", f"{len(rows) - MOST_ROWS} more rows are in the JSON results."]
    lines += _list(line.strip() for line in asserted_by_none(report, opened, zones))
    lines += _list(zones.lines())
    return "\n".join([*lines, ""])


def _told(report: ExposureReport) -> Iterator[tuple[str, str]]:
    """What changed, what is not known, and what the reader must know."""
    if not report.finished:
        yield ("interrupted" if report.interrupted else "stopped"), "this is what was finished"
    yield from (("problem", str(problem)) for problem in report.problems)
    for word, changes in (("newly exposed", report.added), ("no longer exposed", report.gone)):
        yield from ((word, change_text(change)) for change in changes or ())
    yield from (("not told", f"{change_text(one.change)}: {one.why}") for one in report.untold or ())
    yield from (("not proven", text) for text in by_reason(report.lost))
    yield from (("unsettled", text) for text in by_reason(report.unsettled))
    unmet = zip(report.unmet, report.why_unmet, strict=True)
    yield from (("no question met", unmet_text(rule, why)) for rule, why in unmet)
    yield from (("not asked", words) for words in report.not_asked)
    yield from (("note", note) for note in report.notes)


def _rows(opening: Opening, zones: Zones) -> Iterator[str]:
    text = "" if opening.rule is None else f"<br>{code(opening.rule.text, table=True)}"
    who = f"{prose(rule_text(opening), table=True)}{text}", prose(owner_text(opening), table=True)
    for row in opening.rows:
        told = services_text(row.services), zones.between(row.sources, row.targets), row_text(row)
        yield "| " + " | ".join((*who, *(prose(one, table=True) for one in told))) + " |"
        who = "", ""


def _list(lines: Iterable[str]) -> list[str]:
    found = [f"- {prose(line)}" for line in lines]
    return ["", *found] if found else []
