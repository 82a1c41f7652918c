"""A run on the console: the failures in full, a table of them, warnings, and last the numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from lab.record.result import CellResult, Comparison, Outcome, RunResult
from lab.report.detail import explain, sender_text
from lab.report.order import failed, numbers
from lab.report.plain import plain
from lab.ruleset.backend import Backend

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

MOST_DETAILS = 20
MOST_ROWS = 100
MOST_WARNINGS = 20
MOST_CONTRASTS = 20
WIDEST = 140
_COLUMNS = (("from -> to", 4), ("service", 3), ("expected", 3), ("actual", 5), ("difference", 5))
_STYLES = {
    Outcome.PASSED: "green",
    Outcome.FAIL_OPEN: "bold red",
    Outcome.FAIL_CLOSED: "yellow",
    Outcome.MISMATCH: "magenta",
    Outcome.ERROR: "cyan",
}


class _Row(NamedTuple):
    """Cells that differ in nothing but their service make one row."""

    matrix: str
    outcome: Outcome
    suspect: bool
    known: bool
    sender: str
    target: str
    family: int
    expected: str
    actual: str
    differences: tuple[str, ...]


def print_run(result: RunResult, console: Console, last: Sequence[str] = (), *, verbose: bool = False) -> None:
    """Print a run: failures in full (fail-open first), the table, warnings and notes, and the numbers as the last line.

    Passed cells are only counted; with ``verbose`` they are in the table too.  Suspect and known ones always are.
    The lines ``last`` come before the numbers.
    """
    failures = failed(result.results)
    _failures(failures, console, "are in the table; --json has them in full")
    passed = [cell for cell in result.results if cell.outcome is Outcome.PASSED]
    listed = failures + [cell for cell in passed if verbose or cell.suspect or cell.known]
    if listed:
        _tables(listed, console, most=len(listed) if verbose else MOST_ROWS)
    _warnings(result.results, console)
    _notes(result, console)
    for comparison in result.comparisons:
        _compared(comparison, console)
    _problems(result, console)
    for note in result.notes:
        _line(console, f"note: {note}")
    _end(result, console, last)


def print_failures(result: RunResult, console: Console, last: Sequence[str] = ()) -> None:
    """Print what of a run is not as expected, the lines ``last``, and the numbers."""
    _failures(failed(result.results), console, "are in --json")
    for comparison in result.comparisons:
        if comparison.left == Backend.NFT and comparison.contrasts:
            _compared(comparison, console)
    _problems(result, console)
    _end(result, console, last)


def _failures(failures: Sequence[CellResult], console: Console, where_more: str) -> None:
    for cell in failures[:MOST_DETAILS]:
        _details(cell, console)
    if len(failures) > MOST_DETAILS:
        _line(console, f"{len(failures) - MOST_DETAILS} more failures {where_more}")


def _problems(result: RunResult, console: Console) -> None:
    for problem in result.problems:
        _line(console, f"problem: {problem}", style="bold red")


def _end(result: RunResult, console: Console, last: Sequence[str]) -> None:
    for line in last:
        _line(console, line)
    if result.interrupted:
        _line(console, "interrupted: the numbers are of the cells that were finished", style="bold red")
    _line(console, numbers(result.summary), style="green" if result.exit_code == 0 else "bold red")


def _details(cell: CellResult, console: Console) -> None:
    first, _, rest = explain(cell).partition("\n")
    _line(console, first, style=_STYLES[cell.outcome])
    for line in rest.split("\n"):
        _line(console, line)
    _line(console, "")


def _tables(cells: Sequence[CellResult], console: Console, *, most: int) -> None:
    """One table for each matrix, the worst rows first; ``most`` rows in all."""
    rows: dict[_Row, list[str]] = {}
    for cell in cells:
        rows.setdefault(_row(cell), []).append(cell.service)
    shown = list(rows.items())[:most]
    for matrix in dict.fromkeys(row.matrix for row, _ in shown):
        of_matrix = [(row, services) for row, services in shown if row.matrix == matrix]
        console.print(_table(matrix, of_matrix, min(console.width, WIDEST)))
        _line(console, "")
    if len(rows) > most:
        _line(console, f"{len(rows) - most} more rows are in --json")


def _row(cell: CellResult) -> _Row:
    return _Row(
        cell.matrix,
        cell.outcome,
        cell.suspect,
        cell.known,
        sender_text(cell),
        cell.target,
        cell.family,
        cell.expected,
        str(cell.verdict),
        cell.differences,
    )


def _table(matrix: str, rows: Sequence[tuple[_Row, list[str]]], width: int) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    # a bar between columns: a folded line must not begin with ::, which a CI would take for a command
    table = Table(title=Text(plain(matrix)), title_justify="left", box=box.MINIMAL, show_edge=False)
    table.padding, table.width = (0, 1, 0, 0), width
    for heading, ratio in _COLUMNS:
        table.add_column(heading, overflow="fold", ratio=ratio)
    for row, services in rows:
        marks = [word for word, holds in (("suspect?", row.suspect), ("known", row.known)) if holds]
        flow = f"{row.sender} -> {row.target}" + (" (IPv6)" if row.family == 6 else "")
        table.add_row(
            Text.assemble((" ".join([str(row.outcome), *marks]), _STYLES[row.outcome]), "\n", plain(flow)),
            Text(plain(", ".join(services))),
            Text(plain(row.expected)),
            Text(plain(row.actual)),
            Text("\n".join(plain(difference) for difference in row.differences)),
        )
    return table


def _warnings(cells: Sequence[CellResult], console: Console) -> None:
    """The cells' warnings, then their notes, each once, with the first cell it is about and how many more."""
    _told_once("warning", [(cell.id, words) for cell in cells for words in cell.warnings], console)
    _told_once("note", [(cell.id, words) for cell in cells for words in cell.notes], console)


def _told_once(kind: str, told: Sequence[tuple[str, str]], console: Console) -> None:
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for cell_id, words in told:
        first.setdefault(words, cell_id)
        counts[words] += 1
    for words, cell_id in list(first.items())[:MOST_WARNINGS]:
        more = f" and {counts[words] - 1} more" if counts[words] > 1 else ""
        _line(console, f"{kind}: {cell_id}{more}: {words}", style="yellow" if kind == "warning" else None)
    if len(first) > MOST_WARNINGS:
        _line(console, f"{len(first) - MOST_WARNINGS} more {kind}s are in --json")


def _notes(result: RunResult, console: Console) -> None:
    known = sum(cell.known for cell in result.results)
    if known:
        _line(console, f"note: {known} {'cell fails' if known == 1 else 'cells fail'} as known: counted as passed")
    if result.summary.suspect:
        _line(console, "note: suspect cells were denied, perhaps for the wrong reason; `rule:` in the row settles it")
    if repeats := result.summary.repeats:
        _line(console, f"note: {repeats} {'probe was' if repeats == 1 else 'probes were'} sent again for more evidence")


def _compared(comparison: Comparison, console: Console) -> None:
    differ = len(comparison.contrasts)
    words = f"{comparison.left} beside {comparison.right}: "
    words += f"{differ} of {comparison.flows} flows differ" if differ else f"all {comparison.flows} flows get the same verdict"
    _line(console, words, style="yellow" if differ else None)
    for one in comparison.contrasts[:MOST_CONTRASTS]:
        _line(console, f"  {one.flow}")
        _line(console, f"    {comparison.left}: {one.left}")
        _line(console, f"    {comparison.right}: {one.right}")
    if differ > MOST_CONTRASTS:
        _line(console, f"  {differ - MOST_CONTRASTS} more are in --json")


def _line(console: Console, text: str, *, style: str | None = None) -> None:
    """Print ``text`` as it is: no markup, no colour but ``style``, and lines left whole for whoever searches a log."""
    safe = "\n".join(plain(line) for line in text.split("\n"))
    console.print(safe, style=style, markup=False, highlight=False, emoji=False, soft_wrap=True)
