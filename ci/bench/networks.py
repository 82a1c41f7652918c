"""The networks that the lab builds, by `ip -batch` and by mininet."""

from __future__ import annotations

from functools import partial

from ip_batch import down, up
from programs import Apart, python_with, run_apart

from lab.bench.building import Others, building
from lab.bench.figures import Found, Size
from lab.kernel.ground.tools import find
from lab.written.topology import Topology


def beside(size: Size) -> Found:
    """Labs of 3 to 1,000 nodes, in turn with `ip -batch`, and with mininet where it is installed."""
    notes: dict[str, None] = {}
    found = building(size, Others(partial(_ready, notes), partial(_up_and_down, notes)))
    return Found(found.figures, (*found.notes, *notes))


def _ready(notes: dict[str, None], three: Topology) -> dict[str, float | None]:
    python = python_with("mininet.net") if find("mnexec") else None
    mininet = run_apart("by_mininet", 1, python=python) if python else Apart(note="mininet is not installed")
    batch = run_apart("commands", [up(three)])
    return {"ip_batch_lab3_ms": _seconds(batch, notes), "mininet_lab3_ms": _seconds(mininet, notes)}


def _up_and_down(notes: dict[str, None], many: Topology) -> dict[str, float | None]:
    return {"ip_batch_s": _seconds(run_apart("commands", [up(many), down(many)]), notes)}


def _seconds(ended: Apart, notes: dict[str, None]) -> float | None:
    """All that a program printed; None, with its note kept, when it printed nothing."""
    if ended.note:
        notes[ended.note] = None
    return sum(ended.numbers) if ended.numbers else None
