"""Which reports each command writes: the options' names are the arguments', and the files of one command belong together.

What makes a text is imported for those that are wanted, and before anything is measured.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lab.errors import Problem
from lab.report.write import Reports

if TYPE_CHECKING:
    from lab.record.audit import AuditReport
    from lab.record.difference import DiffReport
    from lab.record.exposure import ExposureReport
    from lab.record.result import RunResult
    from lab.record.sweep import AskedSweep, SweepReport
    from lab.record.trace import Trace, TraceReport

R = TypeVar("R")
Text = Callable[[R], str]


def run_reports(
    json: Path | None = None, junit: Path | None = None, markdown: Path | None = None, annotations: Path | None = None
) -> Reports[RunResult]:
    """Those of ``lab run``."""
    from lab.record.result import no_result

    wanted = (json, _run_json), (junit, _run_junit), (markdown, _run_markdown), (annotations, _run_annotations)
    return Reports("run", _texts(*wanted), no_result)


def _run_json() -> Text[RunResult]:
    from lab.report.run_json import json_text, to_json

    return lambda result: json_text(to_json(result))


def _run_junit() -> Text[RunResult]:
    from lab.report.junit import junit_text

    return junit_text


def _run_markdown() -> Text[RunResult]:
    from lab.report.markdown import to_markdown

    return to_markdown


def _run_annotations() -> Text[RunResult]:
    from lab.report.annotations import annotation_lines

    return lambda result: "".join(f"{line}\n" for line in annotation_lines(result))


def sweep_reports(json: Path | None = None, done: Sequence[AskedSweep] = ()) -> Reports[SweepReport]:
    """Those of ``lab sweep``; ``done`` is what a sweep that comes to no end leaves."""
    from lab.record.sweep import SweepReport

    def stopped(problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> SweepReport:
        return SweepReport(tuple(done), exit_code, problems, interrupted=interrupted)

    return Reports("sweep", _texts((json, _sweep_json)), stopped)


def _sweep_json() -> Text[SweepReport]:
    from lab.report.run_json import json_text
    from lab.report.wire.sweep import Sweeps
    from lab.report.wire.writing import written

    return lambda report: json_text(written(Sweeps, report))


def trace_reports(json: Path | None = None, done: Sequence[Trace] = ()) -> Reports[TraceReport]:
    """Those of ``lab trace``; ``done`` is what a trace that comes to no end leaves."""
    from lab.record.trace import TraceReport

    def stopped(problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> TraceReport:
        return TraceReport(tuple(done), exit_code, problems, interrupted=interrupted)

    return Reports("trace", _texts((json, _trace_json)), stopped)


def _trace_json() -> Text[TraceReport]:
    from lab.report.run_json import json_text
    from lab.report.wire.trace import Traces
    from lab.report.wire.writing import written

    return lambda report: json_text(written(Traces, report))


def exposure_reports(
    json: Path | None = None, markdown: Path | None = None, *, against: Path | None = None
) -> Reports[ExposureReport]:
    """Those of ``lab exposure``; the one ``against`` which it is compared goes only for a finished one."""
    from lab.record.exposure import ExposureReport

    def stopped(problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> ExposureReport:
        return ExposureReport("", (), 0, 0, 0.0, interrupted=interrupted, problems=problems, exit_code=exit_code)

    return Reports("exposure", _texts((json, _exposure_json), (markdown, _exposure_markdown)), stopped, kept=against)


def _exposure_json() -> Text[ExposureReport]:
    from lab.report.exposure import exposure_json
    from lab.report.run_json import json_text

    return lambda report: json_text(exposure_json(report))


def _exposure_markdown() -> Text[ExposureReport]:
    from lab.report.exposure_markdown import exposure_markdown

    return exposure_markdown


def audit_reports(json: Path | None = None, markdown: Path | None = None) -> Reports[AuditReport]:
    """Those of ``lab audit``."""
    from lab.record.audit import AuditReport

    def stopped(problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> AuditReport:
        day = datetime.datetime.now().astimezone().date()
        return AuditReport("", day, interrupted=interrupted, problems=problems, exit_code=exit_code)

    return Reports("audit", _texts((json, _audit_json), (markdown, _audit_markdown)), stopped)


def _audit_json() -> Text[AuditReport]:
    from lab.report.run_json import json_text
    from lab.report.wire.audit import Audit
    from lab.report.wire.writing import written

    return lambda report: json_text(written(Audit, report))


def _audit_markdown() -> Text[AuditReport]:
    from lab.report.audit import audit_markdown

    return audit_markdown


def diff_reports(
    json: Path | None = None, markdown: Path | None = None, sarif: Path | None = None, annotations: Path | None = None,
    *, old: str = "", new: str = "",
) -> Reports[DiffReport]:
    """Those of ``lab diff``; ``old`` and ``new`` are what the two sides are called where it comes to no end."""
    from lab.record.difference import DiffReport

    def stopped(problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> DiffReport:
        return DiffReport(old, new, "", "", interrupted=interrupted, problems=problems, exit_code=exit_code)

    wanted = (json, _diff_json), (markdown, _diff_markdown), (sarif, _diff_sarif), (annotations, _diff_annotations)
    return Reports("diff", _texts(*wanted), stopped)


def _diff_json() -> Text[DiffReport]:
    from lab.report.run_json import json_text
    from lab.report.wire.diff import Diff
    from lab.report.wire.writing import written

    return lambda report: json_text(written(Diff, report))


def _diff_markdown() -> Text[DiffReport]:
    from lab.report.diff_markdown import diff_markdown

    return diff_markdown


def _diff_sarif() -> Text[DiffReport]:
    from lab.report.run_json import json_text
    from lab.report.sarif import diff_sarif

    return lambda report: json_text(diff_sarif(report))


def _diff_annotations() -> Text[DiffReport]:
    from lab.report.diff_annotations import diff_annotation_lines

    return lambda report: "".join(f"{line}\n" for line in diff_annotation_lines(report))


def _texts(*reports: tuple[Path | None, Callable[[], Text[R]]]) -> Sequence[tuple[Path, Text[R]]]:
    """The files that are wanted, and what makes their texts."""
    return tuple((path, made()) for path, made in reports if path is not None)
