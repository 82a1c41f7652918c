"""The slowest cells of a run."""

from __future__ import annotations

from collections.abc import Sequence

from lab.record.result import CellResult
from lab.report.plain import plain


def slowest_lines(cells: Sequence[CellResult], most: int) -> list[str]:
    """A line for each of the ``most`` cells (0: of all) whose probes took longest, behind a heading.

    It is the time of the probes alone, without that of building a lab.
    """
    slowest = sorted(cells, key=_seconds, reverse=True)[: most or None]
    lines = [f"slowest {len(slowest)} of {len(cells)} cells:"]
    return lines + [f"  {_seconds(cell):9.4f} s  {plain(cell.id)}{_ports(cell)}" for cell in slowest]


def _seconds(cell: CellResult) -> float:
    return cell.probe_us * cell.ports / 1e6


def _ports(cell: CellResult) -> str:
    return f" ({cell.ports:,} ports)" if cell.ports > 1 else ""
