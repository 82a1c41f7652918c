"""Progress while a run is under way: a live bar on a terminal, a line for each matrix elsewhere."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lab.record.progress import Progress
from lab.record.result import CellResult, Outcome
from lab.report.order import WORST_FIRST
from lab.report.plain import plain

if TYPE_CHECKING:
    from rich.console import Console


class PlainProgress:
    """A line for each matrix when its last cell is done: ``web-edge-gateway: 120 cells, 119 passed, 1 fail-open``."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._matrix: str | None = None
        self._counts: Counter[Outcome] = Counter()

    def started(self, cells: int) -> None:
        """Print how much there is to do."""
        self._print(f"{cells} {'cell' if cells == 1 else 'cells'} to probe")

    def cell(self, result: CellResult) -> None:
        """Count the cell; print the matrix before, if this is the first of another."""
        if result.matrix != self._matrix:
            self._print_matrix()
            self._matrix = result.matrix
        self._counts[result.outcome] += 1

    def ports(self, cell_id: str, done: int, of: int) -> None:
        """Print how far the cell is."""
        self._print(f"{plain(cell_id)}: {done:,} of {of:,} ports")

    def finished(self) -> None:
        """Print the last matrix."""
        self._print_matrix()
        self._matrix = None

    def _print_matrix(self) -> None:
        # first, as Ctrl-C may come while it is printed, and then it is not printed once more
        matrix, found, self._counts = self._matrix, self._counts, Counter()
        if matrix is not None and found:
            counts = [f"{found[Outcome.PASSED]} passed"]
            counts += [f"{found[outcome]} {outcome}" for outcome in WORST_FIRST if found[outcome]]
            total = found.total()
            self._print(f"{plain(matrix)}: {total} {'cell' if total == 1 else 'cells'}, {', '.join(counts)}")

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)


class LiveProgress:
    """A bar that moves with each cell, with the failures so far beside it; it goes away when the run is finished."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[failures]}", style="red", markup=False),
            console=console,
            transient=True,
            refresh_per_second=10,
        )
        self._task = self._bar.add_task("", start=False, total=None, failures="")
        self._failures = 0

    def started(self, cells: int) -> None:
        """Show the bar."""
        self._bar.start_task(self._task)
        self._bar.update(self._task, total=cells)
        self._bar.start()

    def cell(self, result: CellResult) -> None:
        """Move the bar by one cell."""
        self._failures += result.outcome is not Outcome.PASSED
        failures = f"{self._failures} failed" if self._failures else ""
        self._bar.update(self._task, advance=1, description=plain(result.matrix), failures=failures)

    def ports(self, cell_id: str, done: int, of: int) -> None:
        """Show the cell beside the bar, and how far it is."""
        self._bar.update(self._task, description=f"{plain(cell_id)}: {done:,} of {of:,} ports")

    def finished(self) -> None:
        """Take the bar away."""
        self._bar.stop()


class NoProgress:
    """Tells nothing."""

    def started(self, cells: int) -> None:
        """Nothing."""

    def cell(self, result: CellResult) -> None:
        """Nothing."""

    def ports(self, cell_id: str, done: int, of: int) -> None:
        """Nothing."""

    def finished(self) -> None:
        """Nothing."""


def progress_for(console: Console) -> Progress:
    """Return a live bar for a terminal that can show one, plain lines for all else (CI, a pipe, a dumb terminal)."""
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveProgress(console)
    return PlainProgress(console)
