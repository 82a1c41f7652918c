"""Cells as a table: under each row, flow by flow, what became of them; it fits the width that it is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from lab.record.result import CellResult, Outcome
from lab.report.alike import services_text
from lab.report.failure import sender_text
from lab.report.folding import folded
from lab.report.plain import plain, without_commands

_GAP = "  "
_SHARES = (3, 3, 2)  # of ten: the most that the result, the flow and the services get of a narrow screen


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
    room = width - 4 - len(_GAP) * 3
    widths = [min(max(len(row[n]) for row in cells), max(10, room * _SHARES[n] // 10)) for n in range(3)]
    last = max(room - sum(widths), 10)
    yield from (Told(line, None) for line in folded(plain(matrix), width))
    for heading, flows in rows.items():
        yield from (Told(without_commands(f"  {line}"), None) for line in folded(heading, width - 2))
        for flow, services in flows:
            for line in _side_by_side(_columns(flow, services), (*widths, last)):
                yield Told(without_commands(f"    {line}"), flow.outcome)


def _flow(cell: CellResult) -> _Flow:
    marks = [word for word, holds in (("suspect?", cell.suspect), ("known", cell.known)) if holds]
    flow = f"{sender_text(cell)} -> {cell.target}" + (" (IPv6)" if cell.family == 6 else "")
    became = "; ".join([str(cell.verdict), *(cell.differences if cell.outcome is Outcome.MISMATCH else ())])
    return _Flow(cell.outcome, " ".join(marks), plain(flow), plain(became))


def _columns(flow: _Flow, services: Sequence[str]) -> tuple[str, str, str, str]:
    return f"{flow.outcome} {flow.marks}".rstrip(), flow.flow, plain(services_text(services)), flow.became


def _side_by_side(texts: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    columns = [folded(text, width) for text, width in zip(texts, widths, strict=True)]
    for number in range(max(map(len, columns))):
        parts = [column[number] if number < len(column) else "" for column in columns]
        yield _GAP.join(f"{part:<{width}}" for part, width in zip(parts, widths, strict=True)).rstrip()
