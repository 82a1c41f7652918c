"""A run as Markdown, for a job's summary: the numbers, a table of failures, each failure in full."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from itertools import chain

from lab.record.result import CellResult, RunResult
from lab.report.detail import explain
from lab.report.failure import sender_text
from lab.report.order import failed, numbers
from lab.report.plain import plain

# A job's summary is cut off by its host beyond a megabyte; what is left out is in the JSON.
MOST_ROWS = 200
MOST_DETAILS = 50


def to_markdown(result: RunResult) -> str:
    """Return the run as GitHub-flavoured Markdown, ending in a line break; nothing of a file is taken for markup."""
    failures = failed(result.results)
    parts = (
        _head(result), _table(failures), _details(failures), _compared(result), _warnings(result), _machine(result),
    )  # fmt: skip
    return "\n".join([*chain.from_iterable(parts), ""])


def escape(text: str) -> str:
    """Return ``text`` on one line, shown as it is: no HTML, no Markdown, no table bar."""
    shown = html.escape(plain(text), quote=False)
    return "".join(f"&#{ord(char)};" if char in "|`*_[]\\~#@!:" else char for char in shown)


def _head(result: RunResult) -> Iterator[str]:
    yield f"## Firewall matrices: {_came_to(result)}"
    yield ""
    yield escape(numbers(result.summary)) + (" (interrupted)" if result.interrupted else "")
    yield ""
    told = [("problem", str(problem)) for problem in result.problems] + [("note", note) for note in result.notes]
    for word, text in told:
        yield f"- **{word}**: {'<br>'.join(map(escape, text.splitlines()))}"
    if told:
        yield ""


def _came_to(result: RunResult) -> str:
    if not result.results and (result.problems or result.interrupted):
        return "did not run"
    return "all as expected" if result.exit_code == 0 else "not as expected"


def _table(failures: Sequence[CellResult]) -> Iterator[str]:
    if not failures:
        return
    yield "| result | flow | expected | actual | difference | row |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for cell in failures[:MOST_ROWS]:
        outcome = f"{cell.outcome}{' (suspect)' if cell.suspect else ''}"
        flow = f"{sender_text(cell)} → {cell.target} {cell.service}" + ("/6" if cell.family == 6 else "")
        shown = (outcome, flow, cell.expected, str(cell.verdict), "; ".join(cell.differences), cell.where)
        yield "| " + " | ".join(escape(text) for text in shown) + " |"
    yield ""
    if len(failures) > MOST_ROWS:
        yield f"{len(failures) - MOST_ROWS} more failures are in the JSON results."
        yield ""


def _details(failures: Sequence[CellResult]) -> Iterator[str]:
    for cell in failures[:MOST_DETAILS]:
        summary = html.escape(f"{cell.outcome}: {plain(cell.id)}", quote=False)
        yield f"<details><summary>{summary}</summary>"
        yield ""
        yield f"<pre>{html.escape(explain(cell), quote=False)}</pre>"
        yield ""
        yield "</details>"
        yield ""


def _compared(result: RunResult) -> Iterator[str]:
    for one in result.comparisons:
        yield f"### {escape(one.left)} beside {escape(one.right)}: {len(one.contrasts)} of {one.flows} flows differ"
        yield ""
        if one.contrasts:
            yield f"| flow | {escape(one.left)} | {escape(one.right)} |"
            yield "| --- | --- | --- |"
        for contrast in one.contrasts[:MOST_ROWS]:
            yield "| " + " | ".join(escape(text) for text in (contrast.flow, contrast.left, contrast.right)) + " |"
        yield ""


def _warnings(result: RunResult) -> Iterator[str]:
    told = [(cell.id, words) for cell in result.results for words in (*cell.warnings, *cell.notes)]
    lines = [f"- {escape(cell_id)}: {escape(words)}" for cell_id, words in told]
    suspects = [cell for cell in result.results if cell.suspect]
    lines += [f"- {escape(cell.id)}: suspect, denied by {escape(str(cell.verdict.rule))}" for cell in suspects]
    if lines:
        yield "### Warnings and notes"
        yield ""
        yield from lines[:MOST_ROWS]
        yield ""


def _machine(result: RunResult) -> Iterator[str]:
    plain_facts = [(key, value) for key, value in result.machine.items() if isinstance(value, str | int | float)]
    if plain_facts:
        yield "Measured on: " + ", ".join(f"{escape(str(key))} {escape(str(value))}" for key, value in plain_facts)
