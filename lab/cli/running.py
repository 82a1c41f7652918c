"""A run as the command line has it: what of the plans is run, and what of it is printed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console

from lab.cli.ending import reporting
from lab.cli.evidence import NO_EVIDENCE, Options, begin, finish_with
from lab.cli.given import Given, Selection
from lab.cli.ready import ready_for
from lab.errors import InputError, Problem
from lab.prepare.plan import Plan
from lab.record.progress import Progress
from lab.record.result import RunResult
from lab.report.console import print_failures, print_run
from lab.report.durations import slowest_lines
from lab.report.printed import NARROWEST, coloured_output, printed_width
from lab.report.progress import NoProgress, progress_for
from lab.report.reports import run_reports
from lab.run.after.pcap import capture_failures
from lab.run.last_failed import remember
from lab.run.runner import Order, inputs_of
from lab.run.runner import run as run_plans

if TYPE_CHECKING:
    from lab.evidence.keeping import Keeping
    from lab.evidence.of_run import RunEvidence
    from lab.lab import Lab


@dataclass(frozen=True, slots=True)
class Screen:
    """What a person sees of a run; nothing where a report is ``printed``."""

    verbose: bool = False
    quiet: bool = False
    durations: int | None = None
    printed: bool = False

    def progress(self) -> Progress:
        """What tells how far the run is; on standard error where a report is on standard output."""
        return NoProgress() if self.quiet else progress_for(_console(beside=self.printed), beside=self.printed)

    def show(self, result: RunResult) -> None:
        """Print the result."""
        if self.printed:
            return
        slowest = () if self.durations is None else slowest_lines(result.results, self.durations)
        if self.quiet:
            print_failures(result, _console(), slowest)
        else:
            print_run(result, _console(), slowest, verbose=self.verbose)


def _console(*, beside: bool = False) -> Console:
    if not beside:
        return Console(file=coloured_output(), width=printed_width())
    console = Console(file=coloured_output(beside=True))
    return console if console.width >= NARROWEST else Console(file=coloured_output(beside=True), width=80)


def list_cells(plans: Sequence[Plan]) -> None:
    """Print what ``--collect`` prints."""
    for plan in plans:
        for cell in plan.cells:
            print(cell.id)


def _evidence_of(keeping: Keeping, plans: Sequence[Plan]) -> RunEvidence:
    from lab.evidence.of_run import RunEvidence

    return RunEvidence(keeping, plans)


def _lab_that_is_up(given: Given, chosen: Selection) -> AbstractContextManager[Lab]:
    from lab.cli.standing import standing_lab

    return standing_lab(given, chosen.backends)


def _not_beside(given: Given, pcap: Path | None, evidence: Options) -> None:
    """Raise InputError for what builds labs of its own beside the one that is up."""
    said = "--pcap" if pcap is not None else "--evidence" if evidence[0] is not None else None
    if given.lab is not None and said is not None:
        what = f"{said} and --lab: it asks again in labs that are built of files"
        raise InputError(Problem(what, mend=f"`lab pcap {given.lab} NODE INTERFACE` captures there, --json keeps the results"))


def run_and_report(
    given: Given, chosen: Selection, order: Order, files: Sequence[Path | None], screen: Screen, pcap: Path | None,
    evidence: Options = NO_EVIDENCE,
) -> NoReturn:  # fmt: skip
    """Run what is given, note which cells failed, capture those into the folder ``pcap``, and report all of it.

    ``files`` are those of the reports, as `run_reports` has them; ``evidence`` is what the bundle is made by.
    """
    reports = run_reports(*files)
    screen = replace(screen, printed=reports.printed)
    with reporting(reports, given.named()) as reads, ExitStack() as undo:
        _not_beside(given, pcap, evidence)
        keeping = begin(evidence, "run")
        reads(given.files())
        plans, unforeseen = given.plans(chosen)
        reads(inputs_of(plans))
        on = None
        if given.lab is None:
            ready_for(plans)
        else:
            on = undo.enter_context(_lab_that_is_up(given, chosen))
        kept = None if keeping is None else _evidence_of(keeping, plans)
        result = run_plans(plans, order, screen.progress(), unforeseen, None if kept is None else kept.asked, on=on)
        remember(Path.cwd(), result.results)
        if pcap is not None and not result.interrupted:
            result = capture_failures(plans, result, pcap)
        if kept is not None and not result.interrupted:
            result = kept.look_closely(result)
    bundle = None if kept is None or result.interrupted else partial(kept.write, result)
    finish_with(
        result.exit_code, lambda: reports.write(result), lambda: screen.show(result), bundle, printed=reports.printed
    )
