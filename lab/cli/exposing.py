"""An exposure as the command line has it: measured, compared, printed and written."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from lab.cli.ending import finish, reporting
from lab.cli.given import Given, Selection
from lab.cli.ready import ready_for
from lab.errors import InputError, Problem
from lab.record.exposure import ExposureReport
from lab.report.exposure import exposure_lines
from lab.report.write import Reports
from lab.run.runner import inputs_of
from lab.study.compare_exposures import read_saved
from lab.study.exposure import measure, one_topology


class Wanted(NamedTuple):
    """What of the topology is asked, and what it is compared with."""

    topology: str | None
    senders: Sequence[str]
    targets: Sequence[str]
    every_port: bool
    against: Path | None


def measure_and_report(given: Given, chosen: Selection, wanted: Wanted, reports: Reports[ExposureReport]) -> NoReturn:
    """Measure what is exposed, and report it."""
    topology, senders, targets, every_port, against = wanted
    with reporting(reports, [*given.named(), *([against] if against else [])]) as reads:
        if len(chosen.backends) > 1:
            raise InputError(Problem("an exposure is measured on one backend", mend="--backend nft"))
        plans = one_topology(given.whole_plans(chosen), topology)
        then = read_saved(against, plans[0].topology.topology) if against is not None else None
        reads(inputs_of(plans))
        ready_for(plans)
        report = measure(
            plans, chosen.families, senders, targets, every_port=every_port, then=then, progress=_tell_progress
        )
    lines = () if reports.printed else exposure_lines(report)
    finish(report.exit_code, lambda: reports.write(report, finished=report.finished), lambda: _show(lines))


def _show(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _tell_progress(done: int, of: int) -> None:
    terminal = sys.__stderr__  # as these are escape sequences of our own
    if terminal is not None and terminal.isatty():
        print(f"\r{done} of {of} questions" if done < of else "\r\033[K", end="", file=terminal, flush=True)
