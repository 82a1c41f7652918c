"""The script of a change as it is written, and the trials that it passed."""

from __future__ import annotations

import shlex

from lab.record.guarded import GuardReport
from lab.record.rehearsal import Trial

_NONE = """#!/bin/sh
# Makes no change: it was not tried to its end, or failed a trial.
printf '%s\\n' {what} >&2
exit 1
"""


def guard_text(report: GuardReport) -> str:
    """The script; where there is none, one that says so, as yesterday's must not lie there."""
    if report.script:
        return report.script
    failed = [f"{trial.name}: {trial.what}" for trial in report.trials if not trial.passed]
    told = [*(problem.what for problem in report.problems), *failed] or ["nothing is known of it"]
    return _NONE.format(what=shlex.quote(f"{report.change or 'This script'} makes no change: {'; '.join(told)}"))


def trial_line(trial: Trial) -> str:
    """One line of it."""
    told = f": {trial.what}" if trial.what else ""
    return f"{'ok    ' if trial.passed else 'FAILED'}  {trial.name}{told}"
