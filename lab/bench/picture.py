"""Which figures are plotted, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from lab.bench.figures import Figures
from lab.bench.plot import Bars, Lines, Series, svg

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
            tuple(
                _series(name, rules, "rules", f"{key}_us")
                for name, key in (("one chain", "linear"), ("tree of chains", "tree"), ("ipset", "ipset"))
            ),
        ),
        Bars("All ports of a host behind 200 rules", "seconds", _bars(figures)),
        Lines(
            "A lab up and down",
            "nodes",
            "seconds",
            (_series("lab", nodes, "nodes", "lab_s"), _series("ip -batch", nodes, "nodes", "ip_batch_s")),
        ),
        Lines("A run, everything included", "cells", "seconds", (_series("lab run", cells, "cells", "run_s"),)),
    ])


def _bars(figures: Figures) -> tuple[tuple[str, float], ...]:
    every = dict(chain(figures.items(), _mapping(figures.get("peers")).items()))
    return tuple((name, value) for key, name in _SWEEPS if isinstance(value := every.get(key), float))


def _series(name: str, rows: Sequence[Figures], x: str, y: str) -> Series:
    points = ((row[x], row[y]) for row in rows)
    return Series(name, tuple((float(a), b) for a, b in points if isinstance(a, int) and isinstance(b, float) and b > 0))


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _rows(value: object) -> Sequence[Figures]:
    return value if isinstance(value, Sequence) else ()
