"""Which reports each command writes: the options' names are the arguments', and the files of one command belong together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab.errors import Problem
from lab.record.exposure import ExposureReport
from lab.record.result import RunResult, no_result
from lab.record.sweep import AskedSweep, SweepReport
from lab.record.trace import Trace, TraceReport
from lab.report.annotations import annotation_lines
from lab.report.exposure import exposure_json
from lab.report.exposure_markdown import exposure_markdown
from lab.report.junit import junit_text
from lab.report.markdown import to_markdown
from lab.report.run_json import json_text, to_json
from lab.report.wire.sweep import Sweeps
from lab.report.wire.trace import Traces
from lab.report.wire.writing import written
from lab.report.write import Reports


def run_reports(
    json: Path | None = None, junit: Path | None = None, markdown: Path | None = None, annotations: Path | None = None
) -> Reports[RunResult]:
    """Those of ``lab run``."""
    return Reports(
        "run",
        (
            (json, lambda result: json_text(to_json(result))),
            (junit, junit_text),
            (markdown, to_markdown),
            (annotations, lambda result: "".join(f"{line}\n" for line in annotation_lines(result))),
        ),
        no_result,
    )


def sweep_reports(json: Path | None = None, done: Sequence[AskedSweep] = ()) -> Reports[SweepReport]:
    """Those of ``lab sweep``; ``done`` is what a sweep that comes to no end leaves."""

    def stopped(problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> SweepReport:
        return SweepReport(tuple(done), exit_code, problems, interrupted=interrupted)

    return Reports("sweep", ((json, lambda report: json_text(written(Sweeps, report))),), stopped)


def trace_reports(json: Path | None = None, done: Sequence[Trace] = ()) -> Reports[TraceReport]:
    """Those of ``lab trace``; ``done`` is what a trace that comes to no end leaves."""

    def stopped(problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> TraceReport:
        return TraceReport(tuple(done), exit_code, problems, interrupted=interrupted)

    return Reports("trace", ((json, lambda report: json_text(written(Traces, report))),), stopped)


def exposure_reports(
    json: Path | None = None, markdown: Path | None = None, *, against: Path | None = None
) -> Reports[ExposureReport]:
    """Those of ``lab exposure``; the one ``against`` which it is compared goes only for a finished one."""
    texts = ((json, lambda report: json_text(exposure_json(report))), (markdown, exposure_markdown))
    return Reports("exposure", texts, _no_exposure, kept=against)


def _no_exposure(problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> ExposureReport:
    return ExposureReport("", (), 0, 0, 0.0, interrupted=interrupted, problems=problems, exit_code=exit_code)
