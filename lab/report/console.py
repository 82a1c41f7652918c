"""A run on the console: the failures in full, a table of them, warnings, and last the numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab.record.result import CellResult, Comparison, Outcome, RunResult
from lab.report.causes import by_cause, flows_text
from lab.report.detail import evidence
from lab.report.failure import LABEL, failure_lines, happened, head, shown_lines
from lab.report.folding import folded
from lab.report.listing import listing
from lab.report.order import failed, numbers
from lab.report.plain import plain
from lab.ruleset.backend import Backend

if TYPE_CHECKING:
    from rich.console import Console

MOST_DETAILS = 20
MOST_ROWS = 100
MOST_WARNINGS = 20
MOST_CONTRASTS = 20
_STYLES = {
    Outcome.PASSED: "green",
    Outcome.FAIL_OPEN: "bold red",
    Outcome.FAIL_CLOSED: "yellow",
    Outcome.MISMATCH: "magenta",
    Outcome.ERROR: "cyan",
}


def print_run(result: RunResult, console: Console, last: Sequence[str] = (), *, verbose: bool = False) -> None:
    """Print a run: failures (fail-open first), those with one cause once; warnings and notes; the numbers as the last line.

    Passed cells are only counted, suspect and known ones are listed.  With ``verbose`` each failure has its evidence, and all
    cells are listed.  The lines ``last`` come before the numbers.
    """
    failures = failed(result.results)
    _failures(failures, console, verbose=verbose)
    passed = [cell for cell in result.results if cell.outcome is Outcome.PASSED]
    listed = failures + passed if verbose else [cell for cell in passed if cell.suspect or cell.known]
    _list(listed, console, most=len(listed) if verbose else MOST_ROWS)
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
    _failures(failed(result.results), console, verbose=False)
    for comparison in result.comparisons:
        if comparison.left == Backend.NFT and comparison.contrasts:
            _compared(comparison, console)
    _problems(result, console)
    _end(result, console, last)


def _failures(failures: Sequence[CellResult], console: Console, *, verbose: bool) -> None:
    """The first causes in some six lines each, the next in one, and how many cells are left."""
    causes = by_cause(failures)
    for cells in causes[:MOST_DETAILS]:
        _told(cells, console, verbose=verbose)
    for cells in causes[MOST_DETAILS:MOST_ROWS]:
        _in_a_line(cells, console)
    if left := sum(map(len, causes[MOST_ROWS:])):
        _line(console, f"{left} more failures are in --json")
    if len(causes) > MOST_DETAILS:
        _line(console, "")


def _told(cells: Sequence[CellResult], console: Console, *, verbose: bool) -> None:
    _line(console, head(cells[0]), style=_STYLES[cells[0].outcome])
    for line, texts in shown_lines(failure_lines(cells, with_path=verbose)):
        for text in texts:
            begun, hang = (2 + LABEL, 2 + LABEL) if line.label else (2, 4)
            _folded(text, console, begun, hang, whole=line.whole)
    for text in evidence(cells[0]) if verbose else ():
        _line(console, text)
    _line(console, "")


def _in_a_line(cells: Sequence[CellResult], console: Console) -> None:
    cell = cells[0]
    by = cell.verdict.stopped_by or cell.verdict.rule
    rule = f" ({by})" if by is not None else ""
    _line(console, f"{head(cell)}: {flows_text(cells)}: expected {cell.expected}, is {happened(cell.verdict)}{rule}")


def _folded(text: str, console: Console, begun: int, hang: int, *, whole: bool) -> None:
    """Fold a sentence on a terminal behind its first ``begun`` characters, further lines behind ``hang`` blanks.

    In a log lines stay whole, for who searches it, and so do texts of rules, for who copies them.
    """
    if whole or not console.is_terminal or len(text) <= console.width:
        _line(console, text)
        return
    for number, part in enumerate(folded(text[begun:], console.width - hang)):
        _line(console, (text[:begun] if number == 0 else " " * hang) + part)


def _list(cells: Sequence[CellResult], console: Console, *, most: int) -> None:
    for text, outcome in listing(cells, console.width, most):
        if outcome is None:
            _line(console, text)
        else:
            begun = text.index(str(outcome)) + len(str(outcome))
            _line(console, text[:begun], style=_STYLES[outcome], end="")
            _line(console, text[begun:])
    if cells:
        _line(console, "")


def _problems(result: RunResult, console: Console) -> None:
    for problem in result.problems:
        _line(console, f"problem: {problem}", style="bold red")


def _end(result: RunResult, console: Console, last: Sequence[str]) -> None:
    for line in last:
        _line(console, line)
    if result.interrupted:
        _line(console, "interrupted: the numbers are of the cells that were finished", style="bold red")
    _line(console, numbers(result.summary), style="green" if result.exit_code == 0 else "bold red")


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


def _line(console: Console, text: str, *, style: str | None = None, end: str = "\n") -> None:
    """Print ``text`` as it is: no markup, no colour but ``style``, and lines left whole for whoever searches a log."""
    safe = "\n".join(plain(line) for line in text.split("\n"))
    console.print(safe, style=style, markup=False, highlight=False, emoji=False, soft_wrap=True, end=end)
