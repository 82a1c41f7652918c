"""What a host runs against what its policy says, as the command line has it: behaviour first, then rule by rule."""

from __future__ import annotations

import sys
from functools import partial
from typing import NoReturn

from lab.cli.ending import finish, reporting, show_nothing
from lab.cli.given import Given, Selection
from lab.cli.one_host import one_host, policy_named
from lab.cli.under_way import UnderWay
from lab.errors import InputError, Problem
from lab.kernel.ground.privileges import enter
from lab.record.reconciled import Drift
from lab.report.diff import diff_lines
from lab.report.printed import printed_width
from lab.report.reconciled import reconciled_lines
from lab.report.write import Reports
from lab.study.drift import drift


def reconcile_and_report(
    given: Given, chosen: Selection, reports: Reports[Drift], *, full: bool = False
) -> NoReturn:
    """Hold the host of a dump against its policy, and report it; an emergency rule that nobody answers for ends it with 1."""
    far = UnderWay()
    with reporting(reports, given.named()):
        policy = policy_named(given)
        if policy is None:
            raise InputError(Problem("against which policy is the host held?", mend="--policy NAME, or --policy FILE"))
        one = one_host(given, chosen, far)
        running, written = one.running(), one.with_policy(policy)
        enter()
        found = drift(running, written, (policy, one.host.name), one.asking)
        far.clear()
    show = partial(_show, found, full=full) if not reports.printed else show_nothing
    finish(found.exit_code, lambda: reports.write(found), show)


def _show(found: Drift, *, full: bool) -> None:
    if found.behaviour is not None and found.rules is not None:
        for line in (*diff_lines(found.behaviour, printed_width(), full=full), "", *reconciled_lines(found.rules)):
            print(line)
    sys.stdout.flush()
