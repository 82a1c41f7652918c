"""An audit as the command line has it: asked, printed and written."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import NamedTuple, NoReturn

from lab.cli.ending import finish, reporting
from lab.cli.exposing import asked_about
from lab.cli.given import Given, Selection
from lab.cli.ready import ready_for
from lab.cli.under_way import UnderWay
from lab.errors import InputError, Problem
from lab.prepare.plan import Plan
from lab.record.audit import AuditReport
from lab.report.audit import audit_lines
from lab.report.printed import printed_width
from lab.report.write import Reports
from lab.run.runner import inputs_of
from lab.study.audit import audit, read_evidence


class Wanted(NamedTuple):
    """What is asked: on which topology, from whom, and what is known of rehearsals."""

    topology: str | None
    senders: list[str]
    evidence: Path | None


def audit_and_report(given: Given, chosen: Selection, wanted: Wanted, reports: Reports[AuditReport]) -> NoReturn:
    """Ask, and report it."""
    with reporting(reports, [*given.named(), *([wanted.evidence] if wanted.evidence else [])]) as reads:
        if len(chosen.backends) > 1:
            raise InputError(Problem("an audit is made on one backend", mend="--backend nft"))
        evidence = read_evidence(wanted.evidence) if wanted.evidence is not None else None
        plans = asked_about(given, chosen, wanted.topology)
        reads(inputs_of(plan for plan in plans if isinstance(plan, Plan)))
        ready_for(plans)
        far = UnderWay()

        def progress(done: int, of: int) -> None:
            far.tell(f"{done} of {of} questions, {far.seconds:.0f} s")

        day = datetime.datetime.now().astimezone().date()
        report = audit(plans, chosen.families, wanted.senders, evidence, day=day, progress=progress)
        far.clear()
    finish(report.exit_code, lambda: reports.write(report, finished=report.finished), lambda: _show(report, reports))


def _show(report: AuditReport, reports: Reports[AuditReport]) -> None:
    if not reports.printed:
        print("\n".join(audit_lines(report, printed_width())))
