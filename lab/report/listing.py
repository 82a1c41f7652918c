"""Cells as a table: under each row, flow by flow, what became of them; it fits the width that it is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from lab.record.result import CellResult, Outcome
from lab.report.causes import services_text
from lab.report.failure import sender_text
from lab.report.folding import folded
from lab.report.plain import plain, without_commands

_INDENT, _GAP = "    ", "  "


class Told(NamedTuple):
    """A line of the table, and the class of cells that it is about; None of a heading."""

    text: str
    outcome: Outcome | None


class _Flow(NamedTuple):
    """Cells of a row that differ in nothing but their service make one line."""

    outcome: Outcome
    marks: str
    flow: str
    became: str


def listing(cells: Iterable[CellResult], width: int, most: int) -> Iterator[Told]:
    """The table, at most ``most`` flows of it; each matrix has its heading, and each row of it one with what it expects."""
    rows: dict[str, dict[str, dict[_Flow, list[str]]]] = {}
    for cell in cells:
        heading = plain(f"{cell.row}: {cell.expected}  [{cell.where}]")
        rows.setdefault(cell.matrix, {}).setdefault(heading, {}).setdefault(_flow(cell), []).append(cell.service)
    left = most
    for matrix, headings in rows.items():
        shown: dict[str, list[tuple[_Flow, list[str]]]] = {}
        for heading, flows in headings.items():
            shown[heading] = list(flows.items())[:left]
            left -= len(shown[heading])
        yield from _of_matrix(matrix, {heading: flows for heading, flows in shown.items() if flows}, width)
    if (hidden := sum(len(flows) for of in rows.values() for flows in of.values()) - most) > 0:
        yield Told(f"{hidden} more flows are in --json", None)


def _of_matrix(matrix: str, rows: dict[str, list[tuple[_Flow, list[str]]]], width: int) -> Iterator[Told]:
    if not rows:
        return
    cells = [_columns(flow, services) for flows in rows.values() for flow, services in flows]
    widths = [max(len(row[n]) for row in cells) for n in range(4)]
    beside = len(_INDENT) + sum(widths) + 3 * len(_GAP) <= width
    yield from (Told(line, None) for line in folded(plain(matrix), width))
    for heading, flows in rows.items():
        yield from (Told(without_commands(f"  {line}"), None) for line in folded(heading, width - 2))
        for flow, services in flows:
            columns = _columns(flow, services)
            yield from _in_columns(flow, columns, widths) if beside else _in_lines(flow, columns, widths, width)


def _in_columns(flow: _Flow, columns: Sequence[str], widths: Sequence[int]) -> Iterator[Told]:
    padded = (f"{text:<{width}}" for text, width in zip(columns, widths, strict=True))
    yield Told(f"{_INDENT}{_GAP.join(padded)}".rstrip(), flow.outcome)


def _in_lines(flow: _Flow, columns: Sequence[str], widths: Sequence[int], width: int) -> Iterator[Told]:
    """What is too wide for columns: result, flow and services, and what became of them below."""
    begun, further = next(_in_columns(flow, columns[:3], widths[:3])).text, list[str]()
    if len(begun) > width:
        first, *further = folded(_GAP.join(columns[:3]), width - 2 * len(_INDENT))
        begun = f"{_INDENT}{first}"
    yield Told(begun, flow.outcome)
    for line in (*further, *folded(columns[3], width - 2 * len(_INDENT))):
        yield Told(without_commands(f"{_INDENT * 2}{line}"), None)


def _flow(cell: CellResult) -> _Flow:
    marks = [word for word, holds in (("suspect?", cell.suspect), ("known", cell.known)) if holds]
    flow = f"{sender_text(cell)} -> {cell.target}" + (" (IPv6)" if cell.family == 6 else "")
    became = "; ".join([str(cell.verdict), *(cell.differences if cell.outcome is Outcome.MISMATCH else ())])
    return _Flow(cell.outcome, " ".join(marks), plain(flow), plain(became))


def _columns(flow: _Flow, services: Sequence[str]) -> tuple[str, str, str, str]:
    return f"{flow.outcome} {flow.marks}".rstrip(), flow.flow, plain(services_text(services)), flow.became
