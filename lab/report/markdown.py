"""A run as Markdown, for a job's summary: the numbers, and row by row what failed, with its evidence to unfold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from lab.record.result import CellResult, RunResult
from lab.report.causes import by_cause
from lab.report.detail import evidence
from lab.report.failure import Line, failure_lines
from lab.report.markup import block, code, prose, sentence
from lab.report.order import failed, numbers

# A job's summary is cut off by its host beyond a megabyte; what is left out is in the JSON.
MOST_ROWS = 200
MOST_DETAILS = 50


def to_markdown(result: RunResult) -> str:
    """Return the run as GitHub-flavoured Markdown, ending in a line break; nothing of a file is taken for markup."""
    parts = (
        _head(result), _failures(failed(result.results)), _compared(result), _warnings(result), _machine(result),
    )  # fmt: skip
    return "\n".join([*chain.from_iterable(parts), ""])


def lines_of(text: str) -> str:
    """Text of several lines, in one line of a list."""
    return "<br>".join(map(prose, text.splitlines()))


def _head(result: RunResult) -> Iterator[str]:
    yield f"## Firewall matrices: {_came_to(result)}"
    yield ""
    yield prose(numbers(result.summary)) + (" (interrupted)" if result.interrupted else "")
    yield ""
    told = [("problem", str(problem)) for problem in result.problems] + [("note", note) for note in result.notes]
    for word, text in told:
        yield f"- **{word}**: {lines_of(text)}"
    if told:
        yield ""


def _came_to(result: RunResult) -> str:
    if not result.results and (result.problems or result.interrupted):
        return "did not run"
    return "all as expected" if result.exit_code == 0 else "not as expected"


def _failures(failures: Sequence[CellResult]) -> Iterator[str]:
    """Under a heading for each row what became of its cells, those with one cause once; then the evidence, folded."""
    causes = by_cause(failures)
    rows: dict[tuple[str, str, str], list[tuple[CellResult, ...]]] = {}
    for cells in causes[:MOST_ROWS]:
        rows.setdefault((cells[0].matrix, cells[0].row, cells[0].where), []).append(cells)
    unfolded = 0
    for (matrix, row, where), of_row in rows.items():
        yield f"### {prose(row)}"
        yield ""
        yield f"Matrix {prose(matrix)}, {code(where)}"
        yield ""
        for cells in of_row:
            yield from _cause(cells)
        yield ""
        for cells in of_row[: max(MOST_DETAILS - unfolded, 0)]:
            yield from _evidence(cells[0])
        unfolded += len(of_row)
    if left := sum(map(len, causes[MOST_ROWS:])):
        yield f"{left} more failures are in the JSON results."
        yield ""


def _cause(cells: Sequence[CellResult]) -> Iterator[str]:
    first, *others = failure_lines(cells)
    suspect = " (suspect)" if cells[0].suspect else ""
    yield f"- **{cells[0].outcome}**{suspect} {_text(first)}"
    label = ""
    for line in others:
        shown = f"{line.label}: " if line.label not in ("", label) else ""
        label = line.label
        yield f"  - {shown}{_text(line)}"


def _text(line: Line) -> str:
    if line.label in ("why", "mend"):
        return "<br>".join(map(sentence, line.text.splitlines()))
    return code(line.text) if line.whole else lines_of(line.text)


def _evidence(cell: CellResult) -> Iterator[str]:
    yield f"<details><summary>how it is known: {cell.outcome}</summary>"
    yield ""
    yield block("\n".join(evidence(cell)))
    yield ""
    yield "</details>"
    yield ""


def _compared(result: RunResult) -> Iterator[str]:
    for one in result.comparisons:
        yield f"### {prose(one.left)} beside {prose(one.right)}: {len(one.contrasts)} of {one.flows} flows differ"
        yield ""
        for contrast in one.contrasts[:MOST_ROWS]:
            yield f"- {code(contrast.flow)}"
            yield f"  - {prose(one.left)}: {prose(contrast.left)}"
            yield f"  - {prose(one.right)}: {prose(contrast.right)}"
        if one.contrasts:
            yield ""


def _warnings(result: RunResult) -> Iterator[str]:
    told = [(cell.id, words) for cell in result.results for words in (*cell.warnings, *cell.notes)]
    lines = [f"- {code(cell_id)}: {prose(words)}" for cell_id, words in told]
    suspects = [cell for cell in result.results if cell.suspect]
    lines += [f"- {code(cell.id)}: suspect, denied by {prose(str(cell.verdict.rule))}" for cell in suspects]
    if lines:
        yield "### Warnings and notes"
        yield ""
        yield from lines[:MOST_ROWS]
        yield ""


def _machine(result: RunResult) -> Iterator[str]:
    plain_facts = [(key, value) for key, value in result.machine.items() if isinstance(value, str | int | float)]
    if plain_facts:
        yield "Measured on: " + ", ".join(f"{key} {prose(str(value))}" for key, value in plain_facts)
