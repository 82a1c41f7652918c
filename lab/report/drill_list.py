"""Drills as a person chooses one: a line each, and nothing of what is wrong in them."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.drill import DrillList
from lab.report.plain import plain

_LONGEST = 200


def drill_lines(told: DrillList) -> Iterator[str]:
    """The lines: name, level, time, roles, and what it is about."""
    for problem in told.problems:
        yield f"problem: {plain(problem)}"
    if not told.drills:
        yield "no drill is of this kind"
        return
    rows = [
        (plain(one.name), str(one.level), f"{one.minutes} min", _short(", ".join(one.roles)), _short(one.about))
        for one in told.drills
    ]
    heads = ("drill", "level", "takes", "for", "about")
    widths = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads) - 1)]
    for row in (heads, *rows):
        yield "  ".join((*(f"{word:<{width}}" for word, width in zip(row, widths, strict=False)), row[-1])).rstrip()


def _short(text: str) -> str:
    return plain(text, _LONGEST)
