"""Why a cell failed, in a few words on one line: for a summary that has the cell's name already."""

from __future__ import annotations

from lab.record.result import CellResult, Outcome
from lab.report.plain import plain

_MOST_PORTS = 40
"""Characters; a range that fared in many ways has a list of them that says nothing in a summary."""


def in_short(cell: CellResult) -> str:
    """Return ``fail-open: allowed by gateway filter:INPUT policy``, of what else differs the first difference."""
    verdict = cell.verdict
    match cell.outcome:
        case Outcome.FAIL_OPEN | Outcome.FAIL_CLOSED:
            what = str(verdict)
        case Outcome.ERROR:
            what = verdict.proof
        case _:
            what = cell.differences[0] if cell.differences else str(verdict)
    ports = f" of ports {cell.groups[0].ports}" if cell.groups else ""
    if len(ports) > _MOST_PORTS:
        ports = f" of {cell.groups[0].count:,} of {cell.ports:,} ports"
    return plain(f"{cell.outcome}{ports}: {what}")
