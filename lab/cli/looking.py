"""Looks at a lab that is up, as the command line has them: one, or one every second."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from lab.cli.ending import finish, reporting, show_nothing
from lab.errors import InputError, Problem
from lab.keep.entry import find
from lab.keep.looking import Looking
from lab.record.status import LabStatus
from lab.report.reports import status_reports
from lab.report.status import status_lines

_EVERY_S = 1.0
_ANEW = "\033[H\033[2J"


def show_status(lab: str, nodes: Sequence[str], json: Path | None, *, watch: bool) -> NoReturn:
    """Print what is to be seen, and report it; with ``watch`` anew every second."""
    reports = status_reports(json)
    with reporting(reports, []):
        if watch and json is not None:
            raise InputError(Problem("--watch and --json: a report is of one look", mend="leave one of them out"))
        with Looking(find(lab), nodes) as looking:
            found = looking.look()
            while watch:
                _show_anew(found)
                time.sleep(_EVERY_S)
                found = looking.look()
    finish(found.exit_code, lambda: reports.write(found), show_nothing if reports.printed else lambda: _show(found))


def _show_anew(found: LabStatus) -> None:
    if sys.stdout.isatty():
        print(_ANEW, end="")
    _show(found)


def _show(found: LabStatus) -> None:
    for line in status_lines(found):
        print(line)
    sys.stdout.flush()
