"""Service matrices as the command line has them: measured, compared, printed and written."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, NoReturn

from lab.cli.ending import finish, reporting, show_nothing
from lab.cli.given import Given, Selection
from lab.cli.under_way import UnderWay
from lab.errors import InputError, Problem, gravest
from lab.kernel.ground.privileges import enter
from lab.record.service_matrix import ServiceMatrix, ServiceMatrixReport
from lab.report.printed import printed_width
from lab.report.reach import reach_lines
from lab.report.write import Reports
from lab.study.reaching.against import compare, read_saved
from lab.study.reaching.measure import measure


class Wanted(NamedTuple):
    """What is asked, and what it is compared with."""

    services: tuple[str, ...]
    every_class: bool
    against: Path | None


def measure_and_report(
    given: Given, chosen: Selection, wanted: Wanted, reports: Reports[ServiceMatrixReport], *, full: bool = False
) -> NoReturn:
    """Measure the matrices, and report them."""
    far = UnderWay()
    with reporting(reports, [*given.named(), *([wanted.against] if wanted.against else [])]):
        if not wanted.services:
            raise InputError(Problem("by which service?", mend="--service tcp/22,80"))
        if len(chosen.backends) > 1:
            raise InputError(Problem("service matrices are measured on one backend", mend="--backend nft"))
        (backend,) = chosen.backends
        scene = given.scene(backend)
        then = None if wanted.against is None else read_saved(wanted.against, scene.topology.topology)
        enter()
        report = measure(
            scene, backend, chosen.families, wanted.services, every_class=wanted.every_class, heard=partial(_far, far)
        )
        report = replace(report, notes=(*report.notes, *(f"guessed: {guess}" for guess in scene.guesses)))
        report = report if then is None else _compared(report, then)
        far.clear()
    show = partial(_show, report, full=full) if not reports.printed else show_nothing
    finish(report.exit_code, lambda: reports.write(report, finished=report.finished), show)


def _compared(report: ServiceMatrixReport, then: Iterable[ServiceMatrix]) -> ServiceMatrixReport:
    """Of what did not finish nothing is compared."""
    if not report.finished:
        return report
    added, gone, untold = compare(report.matrices, tuple(then))
    code = gravest((report.exit_code, 1 if added else 0))
    return replace(report, added=added, gone=gone, notes=(*report.notes, *untold), exit_code=code)


def _far(far: UnderWay, done: int, of: int) -> None:
    far.tell(f"{done:,} of {of:,} packets, {far.seconds:.0f} s")


def _show(report: ServiceMatrixReport, *, full: bool) -> None:
    for line in reach_lines(report, printed_width(), full=full):
        print(line)
    sys.stdout.flush()
