"""Figures as a table that a person reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from lab.bench.figures import Figures
from lab.report.bench_schema import bench_schema

_UNITS = {"us": "µs", "ms": "ms", "s": "s", "mb": "MB", "ratio": "x"}

_UNIT_IN_WORDS = re.compile(r"[,;] (micro|milli)?seconds(; .*)?$|, megabytes .*$")


def table(figures: Figures) -> str:
    """One figure a line: its key, value and unit, and what it is; rows of what grows follow."""
    properties = _properties(bench_schema())
    peers, growth = (_mapping(figures.get(key)) for key in ("peers", "growth"))
    own = {key: value for key, value in figures.items() if key not in ("version", "peers", "growth")}
    parts: list[tuple[str, list[str]]] = [
        ("the lab", [*_lines(own, properties)]),
        ("beside it", [*_lines(peers, _properties(properties["peers"]))]),
        *((f"as {key} grow", [*_grid(value)]) for key, value in growth.items() if isinstance(value, Sequence) and value),
    ]
    return "\n\n".join("\n".join((heading, *lines)) for heading, lines in parts if lines)


def shown(key: str, value: object) -> str:
    """A value with the unit that its key ends in; three digits of it, as more are noise."""
    unit = _UNITS.get(key.rpartition("_")[2], "")
    if not isinstance(value, (int, float)):
        return "-"
    return f"{value:,.0f} {unit}".rstrip() if isinstance(value, int) or value >= 100 else f"{value:.3g} {unit}".rstrip()


def _lines(figures: Figures, properties: Mapping[str, object]) -> Iterator[str]:
    """Only what was measured: what was not is told by the notes."""
    for key, value in figures.items():
        if value is not None:
            described = str(_mapping(properties.get(key)).get("description", ""))
            yield f"{key:26} {shown(key, value):>12}  {_UNIT_IN_WORDS.sub('', described)}"


def _grid(rows: Sequence[Figures]) -> Iterator[str]:
    keys = [*rows[0]]
    yield "".join(f"{key:>12}" for key in keys)
    for row in rows:
        yield "".join(f"{shown(key, row[key]):>12}" for key in keys)


def _properties(schema: object) -> Mapping[str, object]:
    return _mapping(_mapping(schema).get("properties"))


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
