"""Drawings of labs, as the command line has them."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from lab.cli.ending import finish, reporting, show_nothing
from lab.errors import InputError, Problem
from lab.keep.entry import find
from lab.keep.looking import Looking
from lab.prepare.drawing import drawing_of
from lab.prepare.scene import make_scene
from lab.record.drawing import Drawing
from lab.report.graph import graph_lines
from lab.report.reports import graph_reports


def draw(lab: str | None, topology: str | None, svg: Path | None, *, shipped: bool) -> NoReturn:
    """Print the drawing of a lab that is up, or of a topology, and report it."""
    reports = graph_reports(svg)
    with reporting(reports, []):
        if (lab is None) == (topology is None):
            raise InputError(Problem("what is to be drawn: a lab, or a topology?", mend="lab graph LAB, or --topology NAME"))
        found = _of_lab(lab) if lab is not None else _of_topology(topology or "", shipped=shipped)
    finish(0, lambda: reports.write(found), show_nothing if reports.printed else lambda: _show(found))


def _of_lab(name: str) -> Drawing:
    entry = find(name)
    with Looking(entry) as looking:
        return drawing_of(entry.kept().topology, looking.look())


def _of_topology(named: str, *, shipped: bool) -> Drawing:
    return drawing_of(make_scene(named, {}, shipped=shipped).topology)


def _show(found: Drawing) -> None:
    for line in graph_lines(found):
        print(line)
