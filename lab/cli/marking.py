"""The mark map as the command line has it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NoReturn

from lab.cli.ending import finish, reporting, show_nothing
from lab.cli.given import Given
from lab.errors import InputError, Problem
from lab.kernel.ground.privileges import enter
from lab.lab import Lab
from lab.record.marks import MarkReport
from lab.report.marks import mark_lines
from lab.report.plain import plain
from lab.report.write import Reports
from lab.ruleset.backend import Backend
from lab.study.marked import marks_of


def map_and_report(given: Given, backends: Sequence[Backend], reports: Reports[MarkReport]) -> NoReturn:
    """Load the rules, read what they do with marks, ask where marked packets go, and report it."""
    with reporting(reports, given.named()):
        if len(backends) > 1:
            raise InputError(Problem("the marks are mapped on one backend", mend="--backend nft"))
        (backend,) = backends
        scene = given.scene(backend)
        enter()
        with Lab(scene.topology, scene.policies, backend=backend) as lab:
            found = MarkReport(marks_of(lab), scene.notes((4, 6)))
    finish(found.exit_code, lambda: reports.write(found), partial(_show, found) if not reports.printed else show_nothing)


def _show(found: MarkReport) -> None:
    for note in found.notes:
        print(f"note: {plain(note)}")
    for line in mark_lines(found):
        print(line)
