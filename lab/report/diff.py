"""What a change changes, for a terminal: the answer first, then the flows that are treated differently, the gravest first."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.difference import DiffReport


def diff_lines(report: DiffReport, width: int | None = None, *, full: bool = False) -> Iterator[str]:
    """The report in at most 25 lines of at most ``width`` columns, whatever its size; ``full``: all of it."""
    yield f"{len(report.differences)} classes of flows differ"
