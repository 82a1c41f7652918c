"""Figures as a table that a person reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from lab.bench.figures import Figures
from lab.report.wire.bench import Bench, Peers
from lab.report.wire.document import descriptions

_UNITS = {"us": "µs", "ms": "ms", "s": "s", "mb": "MB", "ratio": "x"}

_UNIT_IN_WORDS = re.compile(r"[,;] (micro|milli)?seconds(; .*)?$|, megabytes .*$")


def table(figures: Figures) -> str:
    """One figure a line: its key, value and unit, and what it is; rows of what grows follow."""
    peers, growth = (_mapping(figures.get(key)) for key in ("peers", "growth"))
    own = {key: value for key, value in figures.items() if key not in ("version", "peers", "growth")}
    parts: list[tuple[str, list[str]]] = [
        ("the lab", [*_lines(own, descriptions(Bench))]),
        ("beside it", [*_lines(peers, descriptions(Peers))]),
        *((f"as {key} grow", [*_grid(value)]) for key, value in growth.items() if isinstance(value, Sequence) and value),
    ]
    return "\n\n".join("\n".join((heading, *lines)) for heading, lines in parts if lines)


def shown(key: str, value: object) -> str:
    """A value with the unit that its key ends in; three digits of it, as more are noise."""
    unit = _UNITS.get(key.rpartition("_")[2], "")
    if not isinstance(value, (int, float)):
        return "-"
    return f"{value:,.0f} {unit}".rstrip() if isinstance(value, int) or value >= 100 else f"{value:.3g} {unit}".rstrip()


def _lines(figures: Figures, described: Mapping[str, str]) -> Iterator[str]:
    """Only what was measured: what was not is told by the notes."""
    for key, value in figures.items():
        if value is not None:
            yield f"{key:26} {shown(key, value):>12}  {_UNIT_IN_WORDS.sub('', described.get(key, ''))}"


def _grid(rows: Sequence[Figures]) -> Iterator[str]:
    keys = [*rows[0]]
    yield "".join(f"{key:>12}" for key in keys)
    for row in rows:
        yield "".join(f"{shown(key, row[key]):>12}" for key in keys)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
