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
    from lab.record.difference import DiffReports
    from lab.record.drawing import Drawing
    from lab.record.drifted import DriftReport
    from lab.record.evidence import VerifiedBundles
    from lab.record.exposure import ExposureReport
    from lab.record.guarded import GuardReport
    from lab.record.marks import MarkReport
    from lab.record.reconciled import Drift
    from lab.record.rehearsal import Rehearsals
    from lab.record.result import RunResult
    from lab.record.service_matrix import ServiceMatrixReport
    from lab.record.status import LabStatus
    from lab.record.sweep import AskedSweep, SweepReport
    from lab.record.trace import Trace, TraceReport
    from lab.record.tracked import ConntrackReport

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


def conntrack_reports(json: Path | None = None) -> Reports[ConntrackReport]:
    """Those of ``lab conntrack``."""
    from lab.record.tracked import ConntrackReport, Table

    def stopped(problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> ConntrackReport:
        return ConntrackReport(Table(""), interrupted=interrupted, problems=problems, exit_code=exit_code)

    return Reports("table", _texts((json, _conntrack_json)), stopped)


def _conntrack_json() -> Text[ConntrackReport]:
    from lab.report.run_json import json_text
    from lab.report.wire.conntrack import Conntrack
    from lab.report.wire.writing import written

    return lambda report: json_text(written(Conntrack, report))


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
    client_script: Path | None = None,
) -> Reports[DiffReports]:  # fmt: skip
    """Those of ``lab diff``."""
    from lab.record.difference import DiffReports

    def stopped(problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> DiffReports:
        return DiffReports(interrupted=interrupted, problems=problems, exit_code=exit_code)

    wanted = (
        (json, _diff_json), (markdown, _diff_markdown), (sarif, _diff_sarif), (annotations, _diff_annotations),
        (client_script, _diff_client_script),
    )  # fmt: skip
    return Reports("diff", _texts(*wanted), stopped)


def _diff_json() -> Text[DiffReports]:
    from lab.report.run_json import json_text
    from lab.report.wire.diff import Diffs
    from lab.report.wire.writing import written

    return lambda report: json_text(written(Diffs, report))


def _diff_markdown() -> Text[DiffReports]:
    from lab.report.diffs import diffs_markdown

    return diffs_markdown


def _diff_sarif() -> Text[DiffReports]:
    from lab.report.diffs import diffs_sarif
    from lab.report.run_json import json_text

    return lambda report: json_text(diffs_sarif(report))


def _diff_client_script() -> Text[DiffReports]:
    from lab.report.client_script import client_script
    from lab.report.diffs import as_one

    return lambda report: client_script(as_one(report))


def _diff_annotations() -> Text[DiffReports]:
    from lab.report.diffs import diffs_annotations

    return lambda report: "".join(f"{line}\n" for line in diffs_annotations(report))


def reconcile_reports(json: Path | None = None) -> Reports[Drift]:
    """Those of ``lab reconcile``."""
    from lab.record.reconciled import Drift

    def stopped(problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> Drift:
        return Drift(interrupted=interrupted, problems=problems, exit_code=exit_code)

    return Reports("reconciliation", _texts((json, _reconcile_json)), stopped)


def _reconcile_json() -> Text[Drift]:
    from lab.report.run_json import json_text
    from lab.report.wire.reconciled import Reconciliation
    from lab.report.wire.writing import written

    return lambda report: json_text(written(Reconciliation, report))


def drift_reports(json: Path | None = None, markdown: Path | None = None) -> Reports[DriftReport]:
    """Those of ``lab drift``."""
    from lab.record.drifted import DriftReport

    def stopped(problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> DriftReport:
        return DriftReport(interrupted=interrupted, problems=problems, exit_code=exit_code)

    return Reports("drift", _texts((json, _drift_json), (markdown, _drift_markdown)), stopped)


def _drift_json() -> Text[DriftReport]:
    from lab.report.run_json import json_text
    from lab.report.wire.drifted import Drifted
    from lab.report.wire.writing import written

    return lambda report: json_text(written(Drifted, report))


def _drift_markdown() -> Text[DriftReport]:
    from lab.report.drifted import drift_markdown

    return drift_markdown


def status_reports(json: Path | None = None) -> Reports[LabStatus]:
    """Those of ``lab status``."""
    from lab.record.status import LabStatus

    def stopped(problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> LabStatus:
        return LabStatus("", "", None, (), interrupted, problems, exit_code)

    return Reports("status", _texts((json, _status_json)), stopped)


def _status_json() -> Text[LabStatus]:
    from lab.report.run_json import json_text
    from lab.report.wire.status import Status
    from lab.report.wire.writing import written

    return lambda report: json_text(written(Status, report))


def marks_reports(json: Path | None = None) -> Reports[MarkReport]:
    """Those of ``lab marks``."""
    from lab.record.marks import MarkReport

    def stopped(problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> MarkReport:
        return MarkReport(interrupted=interrupted, problems=problems, exit_code=exit_code)

    return Reports("marks", _texts((json, _marks_json)), stopped)


def _marks_json() -> Text[MarkReport]:
    from lab.report.run_json import json_text
    from lab.report.wire.marks import Marks
    from lab.report.wire.writing import written

    return lambda report: json_text(written(Marks, report))


def evidence_reports(json: Path | None = None) -> Reports[VerifiedBundles]:
    """Those of ``lab evidence``."""
    from lab.record.evidence import VerifiedBundles

    def stopped(problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> VerifiedBundles:
        return VerifiedBundles((), exit_code, problems, interrupted)

    return Reports("reading", _texts((json, _evidence_json)), stopped)


def _evidence_json() -> Text[VerifiedBundles]:
    from lab.report.run_json import json_text
    from lab.report.wire.evidence import Bundles
    from lab.report.wire.writing import written

    return lambda report: json_text(written(Bundles, report))


def rehearse_reports(json: Path | None = None, markdown: Path | None = None, svg: Path | None = None) -> Reports[Rehearsals]:
    """Those of ``lab rehearse``."""
    from lab.record.rehearsal import Rehearsals

    def stopped(problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> Rehearsals:
        return Rehearsals(exit_code=exit_code, problems=problems, interrupted=interrupted)

    texts = _texts((json, _rehearse_json), (markdown, _rehearse_markdown), (svg, _rehearse_svg))
    return Reports("rehearsal", texts, stopped)


def _rehearse_json() -> Text[Rehearsals]:
    from lab.report.rehearsal import rehearsals_json

    return rehearsals_json


def _rehearse_markdown() -> Text[Rehearsals]:
    from lab.report.rehearsal_markdown import rehearsals_markdown

    return rehearsals_markdown


def _rehearse_svg() -> Text[Rehearsals]:
    from lab.report.rehearsal_svg import rehearsals_svg

    return rehearsals_svg


def reach_reports(
    json: Path | None = None, svg: Path | None = None, *, against: Path | None = None
) -> Reports[ServiceMatrixReport]:
    """Those of ``lab reach``; the one ``against`` which it is compared goes only for a finished one."""
    from lab.record.service_matrix import ServiceMatrixReport

    def stopped(problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> ServiceMatrixReport:
        return ServiceMatrixReport("", (), interrupted=interrupted, problems=problems, exit_code=exit_code)

    return Reports("reach", _texts((json, _reach_json), (svg, _reach_svg)), stopped, kept=against)


def _reach_json() -> Text[ServiceMatrixReport]:
    from lab.report.run_json import json_text
    from lab.report.wire.service_matrix import ServiceMatrices
    from lab.report.wire.writing import written

    return lambda report: json_text(written(ServiceMatrices, report))


def _reach_svg() -> Text[ServiceMatrixReport]:
    from lab.report.reach_svg import reach_svg

    return reach_svg


def graph_reports(svg: Path | None = None) -> Reports[Drawing]:
    """Those of ``lab graph``."""
    from lab.record.drawing import no_drawing
    from lab.report.graph_svg import graph_svg

    return Reports("graph", [(svg, graph_svg)] if svg is not None else [], no_drawing)


def _texts(*reports: tuple[Path | None, Callable[[], Text[R]]]) -> Sequence[tuple[Path, Text[R]]]:
    """The files that are wanted, and what makes their texts."""
    return tuple((path, made()) for path, made in reports if path is not None)


def guard_reports(output: Path | None = None) -> Reports[GuardReport]:
    """Those of ``lab guard``: the script itself."""
    from lab.record.guarded import GuardReport
    from lab.report.guard import guard_text

    def stopped(problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> GuardReport:
        return GuardReport(exit_code=exit_code, problems=problems, interrupted=interrupted)

    return Reports("guard", [(output, guard_text)] if output is not None else [], stopped)
