"""Which figures are plotted, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lab.bench.figures import Figures
from lab.report.plot import Bar, Bars, Lines, Series, svg

_SWEEPS = (
    ("sweep_verdict_s", "lab, verdicts of 65,535 ports"),
    ("sweep_rule_s", "lab, with the rule of each port"),
    ("sweep_all_accept_s", "lab, everything accepted"),
    ("nmap_tuned_s", "nmap at its fastest, 65,535 ports"),
    ("nmap_default_1000_ports_s", "nmap at its defaults, 1,000 ports"),
)


def picture(figures: Figures) -> str:
    """An SVG of four plots: a deny by ruleset, a sweep by tool, a lab by nodes, a run by cells."""
    growth = _mapping(figures.get("growth"))
    rules, nodes, cells = (_rows(growth.get(key)) for key in ("rules", "nodes", "cells"))
    return svg([
        Lines(
            "A proven deny as the ruleset grows",
            "rules",
            "microseconds a probe",
            _series(rules, "rules", {"one chain": "linear_us", "tree of chains": "tree_us", "ipset": "ipset_us"}),
        ),
        Bars("All ports of a host", "seconds", _bars(figures)),
        Lines(
            "A lab up and down",
            "nodes",
            "seconds",
            _series(nodes, "nodes", {"lab": "lab_s", "ip -batch": "ip_batch_s"}),
        ),
        Lines("A run, everything included", "cells", "seconds", _series(cells, "cells", {"lab run": "run_s"})),
    ])


def _bars(figures: Figures) -> tuple[Bar, ...]:
    """The lab's in one colour, all others' in another."""
    own, peers = figures, _mapping(figures.get("peers"))
    every = ((name, kind, there.get(key)) for key, name in _SWEEPS for kind, there in enumerate((own, peers)))
    return tuple(Bar(name, value, kind) for name, kind, value in every if isinstance(value, float))


def _series(rows: Sequence[Figures], x: str, lines: Mapping[str, str]) -> tuple[Series, ...]:
    """The lines by their names, each over the key ``x`` of the rows; without those that have no point."""
    every = (Series(name, tuple(_points(rows, x, y))) for name, y in lines.items())
    return tuple(series for series in every if series.points)


def _points(rows: Sequence[Figures], x: str, y: str) -> Iterator[tuple[float, float]]:
    for row in rows:
        size, figure = row[x], row[y]
        if isinstance(size, int) and isinstance(figure, float) and figure > 0:
            yield float(size), figure


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _rows(value: object) -> Sequence[Figures]:
    return value if isinstance(value, Sequence) else ()
