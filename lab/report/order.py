"""The order in which a person wants to hear of failures: what is open first."""

from __future__ import annotations

from collections.abc import Iterable

from lab.record.result import CellResult, Outcome, Summary

WORST_FIRST = (Outcome.FAIL_OPEN, Outcome.FAIL_CLOSED, Outcome.MISMATCH, Outcome.ERROR)


def failed(cells: Iterable[CellResult]) -> list[CellResult]:
    """Return the cells that failed: fail-open, fail-closed, mismatch, error; within a class in the order given."""
    chosen = [cell for cell in cells if cell.outcome is not Outcome.PASSED]
    return sorted(chosen, key=lambda cell: WORST_FIRST.index(cell.outcome))


def numbers(summary: Summary) -> str:
    """Return the run in one line: ``340 cells: 338 passed, 1 fail-open, 1 mismatch; 2 suspect; 0.8 s``."""
    classes = (
        (summary.fail_open, "fail-open"),
        (summary.fail_closed, "fail-closed"),
        (summary.mismatch, "mismatch"),
        (summary.errors, "error" if summary.errors == 1 else "errors"),
    )
    counted = ", ".join([f"{summary.passed} passed", *(f"{count} {word}" for count, word in classes if count)])
    suspect = f"; {summary.suspect} suspect" if summary.suspect else ""
    return f"{summary.cells} {'cell' if summary.cells == 1 else 'cells'}: {counted}{suspect}; {summary.seconds:.2f} s"
