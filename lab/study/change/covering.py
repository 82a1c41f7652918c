"""Which of the differences the rows of a change asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lab.record.difference import Difference
from lab.record.result import Outcome
from lab.record.verdict import Kind, Verdict
from lab.study.change.asked_for import AskedFor
from lab.study.change.boxes import Box, box_of, count, meets, without, words_of
from lab.verdict.judge import judge
from lab.written.cell import Cell, Sender, Target
from lab.written.expect.arrives import ARRIVES
from lab.written.expect.conntrack import CONNTRACK

_MOST_NOTES = 8
_MOST_PIECES = 2_000  # of what is left of a class: beyond them it is collateral


def covered(differences: Sequence[Difference], asked: Sequence[AskedFor]) -> tuple[tuple[Difference, ...], tuple[str, ...]]:
    """The differences, each with the rows that asked for all of its class, and a note of each that was asked for in part."""
    found: list[Difference] = []
    partly: list[str] = []
    for one in differences:
        names, left = _rows_of(one, asked)
        if names and not left:
            one = replace(one, intended=", ".join(names))
        elif names:
            partly.append(
                f"asked for in part, by {', '.join(names)}: of {one.flow} and its like {_counted(left)} were not asked for, "
                f"as {words_of(left[0], one.flow.family)}: that is collateral"
            )
        found.append(one)
    more = len(partly) - _MOST_NOTES
    notes = partly if more <= 0 else [*partly[:_MOST_NOTES], f"{more} more classes were asked for in part: they are collateral"]
    return tuple(found), tuple(notes)


def _rows_of(one: Difference, asked: Sequence[AskedFor]) -> tuple[list[str], list[Box]]:
    """The rows that asked for some of a class, and what none of them asked for."""
    family = one.flow.family
    fitting = [row for row in asked if row.cell.family == family and row.speaks_of(one.flow) and _asks_for(row, one)]
    try:
        box = box_of(one.of, family)
    except ValueError:
        return [], []
    left = [box] if all(box) else []
    names: list[str] = []
    for row in fitting:
        mine = [asks for asks in row.boxes if any(meets(piece, asks) for piece in left)]
        for asks in mine:
            left = without(left, asks)
        if mine:
            names.append(row.row.name)
        if len(left) > _MOST_PIECES:
            break
    return (names, left) if all(box) else ([], [])


def _asks_for(row: AskedFor, one: Difference) -> bool:
    """Whether the flow that was sent is as the row says now, and was not before."""
    flow = one.flow
    cell = replace(
        row.cell, sender=Sender(flow.node, flow.source, flow.source), target=Target(flow.destination, None, flow.destination)
    )
    lost = judge(cell, one.old.verdict).outcome is Outcome.ERROR
    return not lost and _is_as_said(cell, one.new.verdict) and not _is_as_said(cell, one.old.verdict)


def _is_as_said(cell: Cell, verdict: Verdict) -> bool:
    """Whether the row holds of this flow.

    To where it is translated nobody may listen, as that is nobody's service: it passed then, and what it would arrive as is
    told by the row itself, which is asked with a receiver there.
    """
    if cell.expect.action == "allow" and verdict.kind is Kind.CLOSED:
        cell = replace(cell, expect=cell.expect.without(ARRIVES).without(CONNTRACK))
        verdict = replace(verdict, kind=Kind.ALLOWED)
    return judge(cell, verdict).outcome is Outcome.PASSED


def _counted(boxes: Sequence[Box]) -> str:
    flows = count(boxes)
    return f"{flows:,} flow{'s' if flows > 1 else ''}"
