"""Single questions as the command line has them: each answer is printed as soon as it is there, all are reported at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn

from lab.cli.ending import finish, reporting
from lab.cli.given import Given
from lab.cli.standing import places
from lab.cli.under_way import UnderWay
from lab.errors import InputError, Problem
from lab.record.sweep import AskedSweep, Sweep, sweep_report
from lab.record.trace import Trace, trace_report
from lab.report.detail import explain_trace
from lab.report.plain import plain
from lab.report.printed import folding_width
from lab.report.reports import sweep_reports, trace_reports
from lab.report.sweep import sweep_lines
from lab.ruleset.backend import Backend
from lab.run import traced
from lab.study import sweeps
from lab.study.blockers import blockers


def asked_sweeps(
    given: Given, backends: Sequence[Backend], asked: Callable[[], sweeps.Asked], beside: Sequence[Path], json: Path | None
) -> NoReturn:
    """Sweep, on each backend; ``beside`` are files that are read too."""
    found: list[AskedSweep] = []
    reports = sweep_reports(json, found)
    far = UnderWay()
    note, sweep = (_nothing, _nothing) if reports.printed else (_note, partial(_sweep, far))
    told = sweeps.Told(note, sweep, partial(_under_way, far))
    with reporting(reports, [*given.named(), *beside]), ExitStack() as undo:
        question = asked()
        for place in places(given, backends, undo):
            for one in sweeps.sweeps(place.scene, place.backend, question, told, place.on):
                found.append(one)  # noqa: PERF402 - what is found stays when the next one is interrupted
        far.clear()
    report = sweep_report(found)
    finish(report.exit_code, lambda: reports.write(report), _nothing)


def asked_traces(
    given: Given, backends: Sequence[Backend], asked: Callable[[], traced.Asked], json: Path | None, *,
    all_blockers: bool = False,
) -> NoReturn:  # fmt: skip
    """Probe once, on each backend and in each family; with ``all_blockers`` also past each rule that denies it."""
    found: list[Trace] = []
    reports = trace_reports(json, found)
    with reporting(reports, given.named()), ExitStack() as undo:
        question = asked()
        if all_blockers and given.lab is not None:
            what = "--all-blockers and --lab: rules are taken out one by one, in labs that are built for it"
            raise InputError(Problem(what, mend="ask without --lab, of the files"))
        for place in places(given, backends, undo):
            scene, backend = place.scene, place.backend
            for one in traced.traces(scene, backend, question, place.on):
                if all_blockers and one.flow is not None and one.verdict.stopped_by is not None:
                    one = replace(one, blockers=blockers(scene, backend, one.at, one.flow)[1:])
                found.append(one)
                if not reports.printed:
                    _trace(one, backends, question.families, voided=scene.twin is None)
    report = trace_report(found)
    finish(report.exit_code, lambda: reports.write(report), _nothing)


def _trace(trace: Trace, backends: Sequence[Backend], families: Sequence[int | None], *, voided: bool) -> None:
    """Print one; what may void it comes first, what a dump of a host does not say behind it."""
    of = [f"iptables-{trace.backend}"] * (len(backends) > 1)
    of += [f"IPv{trace.verdict.observation.sent.family}"] * (len(families) > 1)
    if of:
        print(", ".join(of))
    for note in trace.beside if voided else ():
        _note(note)
    print(explain_trace(trace))
    for note in () if voided else trace.beside:
        _note(note)


def _sweep(far: UnderWay, title: str, sweep: Sweep) -> None:
    far.clear()
    print(title)
    for line in sweep_lines(sweep, folding_width()):
        print(line)
    sys.stdout.flush()


def _under_way(far: UnderWay, title: str, done: int, of: int) -> None:
    far.tell(f"{title}: {done:,} of {of:,} asked, {far.seconds:.0f} s")


def _note(note: str) -> None:
    print(f"note: {plain(note)}")


def _nothing(*_: object) -> None:
    """Nothing is printed."""
