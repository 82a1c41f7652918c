"""Rehearsals as Markdown, for a change's ticket: how each ended, then its timeline."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.rehearsal import Rehearsal, Rehearsals
from lab.report.markup import prose
from lab.report.rehearsal import end_words, window_limits, window_words

_MOST = 40
_MARKS = {True: "ok", False: "**FAIL**", None: ""}


def rehearsals_markdown(told: Rehearsals) -> str:
    """All of them; nothing of a file is taken for markup."""
    wrong = sum(bool(one.faults or one.problems) for one in told.done)
    said = "did not finish" if told.problems else f"{wrong} not as the change says" if wrong else "as the changes say"
    lines = [f"## Changes rehearsed: {said}", ""]
    lines += [f"- **problem**: {prose(str(problem))}" for problem in told.problems]
    for one in told.done:
        lines += _one(one)
    return "\n".join([*lines, ""])


def _one(told: Rehearsal) -> Iterator[str]:
    yield f"### {prose(told.change)}: {end_words(told)}"
    yield ""
    yield prose(f"{told.node} of {told.topology} ({told.backend}): {told.names[0]} -> {told.names[1]}, by {told.way}.")
    yield prose(f"{window_words(told.window)}.")
    yield ""
    yield from (f"- **FAIL**: {prose(fault)}" for fault in told.faults[:_MOST])
    if told.window is not None:
        yield f"- note: {prose(window_limits(told.window))}"
    yield from (f"- note: {prose(note)}" for note in told.notes[:_MOST])
    yield from (f"- **problem**: {prose(str(problem))}" for problem in told.problems[:_MOST])
    yield ""
    yield "| when | | what | witness |"
    yield "| --- | --- | --- | --- |"
    for event in told.events:
        yield f"| {event.phase} | {_MARKS[event.good]} | {_cell(event.what)} | {_cell(event.witness)} |"
    if told.left:
        yield ""
        yield from (f"- {'carried over' if one.carried else '**left**'}: {prose(one.what)}" for one in told.left[:_MOST])
    yield ""


def _cell(text: str) -> str:
    return prose(text, table=True)
