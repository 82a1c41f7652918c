"""Progress while a run is under way: a live bar on a terminal, elsewhere a line for each matrix and now and then between."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lab.record.progress import Progress
from lab.record.result import CellResult, Outcome
from lab.report.order import WORST_FIRST
from lab.report.pace import MOVING_S, NOW_AND_THEN_S, Pace
from lab.report.plain import plain

if TYPE_CHECKING:
    from rich.console import Console


_SLOW_S = 1.0
"""A cell that takes longer is named on a terminal."""


class SlowProgress:
    """Nothing where it is quick; else a line now and then:
    ``120 of 600 cells, 34 s; now edge::all[a->b tcp/1-9]: 4 of 9 ports``.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pace = Pace(NOW_AND_THEN_S)
        self._cells = self._done = 0

    def started(self, cells: int) -> None:
        """Note how much there is to do."""
        self._cells = cells

    def cell(self, result: CellResult) -> None:  # noqa: ARG002
        """Count the cell."""
        self._done += 1

    def asking(self, cell_id: str, ahead: int, done: int, of: int) -> None:
        """Print how far it is, if nothing was printed for long."""
        if self._pace.due():
            many = f"{self._done + ahead} of {self._cells} cells, {self._pace.seconds:.0f} s"
            self._print(f"{many}; now {_how_far(cell_id, done, of)}")

    def finished(self) -> None:
        """Nothing."""

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)


class PlainProgress(SlowProgress):
    """A line for each matrix when its last cell is done: ``web-edge-gateway: 120 cells, 119 passed, 1 fail-open``.

    Between them a line now and then, where it is slow.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._matrix: str | None = None
        self._counts: Counter[Outcome] = Counter()

    def started(self, cells: int) -> None:
        """Print how much there is to do."""
        super().started(cells)
        self._print(f"{cells} {'cell' if cells == 1 else 'cells'} to probe")

    def cell(self, result: CellResult) -> None:
        """Count the cell; print the matrix before, if this is the first of another."""
        super().cell(result)
        if result.matrix != self._matrix:
            self._print_matrix()
            self._matrix = result.matrix
        self._counts[result.outcome] += 1

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
        self._failures = self._done = 0
        self._pace = Pace(MOVING_S)
        self._slow, self._asked = Pace(_SLOW_S), ""

    def started(self, cells: int) -> None:
        """Show the bar."""
        self._bar.start_task(self._task)
        self._bar.update(self._task, total=cells)
        self._bar.start()

    def cell(self, result: CellResult) -> None:
        """Move the bar by one cell."""
        self._done += 1
        self._failures += result.outcome is not Outcome.PASSED
        failures = f"{self._failures} failed" if self._failures else ""
        self._bar.update(self._task, completed=self._done, description=plain(result.matrix), failures=failures)

    def asking(self, cell_id: str, ahead: int, done: int, of: int) -> None:
        """Move the bar, and show beside it a cell that is slow, and how far it is."""
        if cell_id != self._asked:
            self._asked, self._slow = cell_id, Pace(_SLOW_S)
        if self._pace.due():
            slow = self._slow.seconds >= _SLOW_S
            shown = _how_far(cell_id, done, of) if slow else plain(cell_id.partition("::")[0])
            self._bar.update(self._task, completed=self._done + ahead, description=shown)

    def finished(self) -> None:
        """Take the bar away."""
        self._bar.stop()


class NoProgress:
    """Tells nothing."""

    def started(self, cells: int) -> None:
        """Nothing."""

    def cell(self, result: CellResult) -> None:
        """Nothing."""

    def asking(self, cell_id: str, ahead: int, done: int, of: int) -> None:
        """Nothing."""

    def finished(self) -> None:
        """Nothing."""


def _how_far(cell_id: str, done: int, of: int) -> str:
    return plain(cell_id) + (f": {done:,} of {of:,} ports" if of > 1 else "")


def progress_for(console: Console, *, beside: bool = False) -> Progress:
    """Return a live bar for a terminal that can show one, plain lines for all else (CI, a pipe, a dumb terminal).

    ``beside``: the console is beside one that is read by a machine, and is told of nothing that is quick.
    """
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveProgress(console)
    return SlowProgress(console) if beside else PlainProgress(console)
