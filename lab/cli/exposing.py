"""An exposure as the command line has it: measured, compared, printed and written."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, NoReturn

from lab.cli.ending import finish, reporting
from lab.cli.files import FOLDER
from lab.cli.given import Given, Selection
from lab.cli.ready import ready_for
from lab.cli.under_way import UnderWay
from lab.errors import InputError, Problem
from lab.prepare.plan import Plan
from lab.record.exposure import Exposure, ExposureReport
from lab.report.exposure import FullRows, exposure_lines, full_lines, newest_text
from lab.report.printed import printed_width
from lab.report.write import Reports
from lab.run.runner import inputs_of
from lab.study.compare_exposures import read_saved
from lab.study.exposure import Bare, measure, one_topology


class Wanted(NamedTuple):
    """What of the topology is asked, and what it is compared with."""

    topology: str | None
    senders: Sequence[str]
    targets: Sequence[str]
    every_port: bool
    against: Path | None


@dataclass(slots=True)
class Screen:
    """What a person sees of an exposure: how far it is, on standard error; rows as they are done if it is ``full``.

    Nothing but how far it is where a report is ``printed``.  ``rows`` knows what the last row was.
    """

    full: bool
    printed: bool
    rows: FullRows
    _under_way: UnderWay = field(default_factory=UnderWay)
    _newest: str = ""
    _begun: bool = False

    def progress(self, done: int, of: int) -> None:
        """So many of so many questions are done: told before the first of them, and now and then."""
        line = f"{done} of {of} questions, {self._under_way.seconds:.0f} s{self._newest}"
        if self._under_way.terminal is None:
            if done == 0 and not self._begun:
                print(f"{of} questions, each of 65,535 ports", file=sys.stderr, flush=True)
            self._begun = True
            self._under_way.tell(line)
        elif done == of:
            self._under_way.clear()
        elif not self._begun:
            self._begun = True
            self._under_way.show(line)
        else:
            self._under_way.tell(line)

    def found(self, one: Exposure) -> None:
        """This is open."""
        self._newest = f", newest: {newest_text(one)}"
        if self.full and not self.printed:
            self._under_way.clear()
            self._begun = False
            _show(self.rows.lines(one))

    def show(self, report: ExposureReport) -> None:
        """Print what is not printed yet."""
        self._under_way.clear()
        if not self.printed:
            _show(full_lines(report) if self.full else exposure_lines(report, printed_width()))


def measure_and_report(
    given: Given, chosen: Selection, wanted: Wanted, reports: Reports[ExposureReport], *, full: bool = False
) -> NoReturn:
    """Measure what is exposed, and report it."""
    topology, senders, targets, every_port, against = wanted
    with reporting(reports, [*given.named(), *([against] if against else [])]) as reads:
        if len(chosen.backends) > 1:
            raise InputError(Problem("an exposure is measured on one backend", mend="--backend nft"))
        plans = asked_about(given, chosen, topology)
        then = read_saved(against, plans[0].topology.topology) if against is not None else None
        senders, targets = (_words(plans, words, sender=sender) for words, sender in ((senders, True), (targets, False)))
        reads(inputs_of(plan for plan in plans if isinstance(plan, Plan)))
        ready_for(plans)
        screen = Screen(full, reports.printed, FullRows(judged=isinstance(plans[0], Plan)))
        report = measure(
            plans, chosen.families, senders, targets, every_port=every_port, then=then,
            progress=screen.progress, told=screen.found,
        )  # fmt: skip
    finish(report.exit_code, lambda: reports.write(report, finished=report.finished), lambda: screen.show(report))


def asked_about(given: Given, chosen: Selection, topology: str | None) -> Sequence[Plan | Bare]:
    """The matrices about one topology; without any, that topology and what ``--policy`` gives its nodes."""
    if given.dumps:
        (backend,) = chosen.backends
        return [Bare(replace(given, topology=topology).scene(backend), backend, chosen.families)]
    if given.matrices:
        return one_topology(given.whole_plans(chosen), topology)
    if topology is None:
        if not given.shipped and not Path(FOLDER).is_dir():
            what = f"what is measured? No matrix and no --topology is named, and {Path.cwd()} has no folder {FOLDER}/"
            mend = "--topology TOPOLOGY --policy NODE=FILE; or name a matrix; or `lab init` lays out an example"
            mend += ", and --shipped takes what is shipped"
            raise InputError(Problem(what, mend=mend))
        return one_topology(given.whole_plans(chosen), None)
    files = given.about(topology)
    if files:
        return one_topology(replace(given, matrices=files).whole_plans(chosen), None)
    (backend,) = chosen.backends
    return [Bare(replace(given, topology=topology).scene(backend), backend, chosen.families)]


def _words(plans: Sequence[Plan | Bare], words: Sequence[str], *, sender: bool) -> Sequence[str]:
    """Words of the command line as the topology knows them: of a twin ``self`` and ``@eth0`` too."""
    (first, *_) = plans
    return [first.scene.word(word, sender=sender) for word in words] if isinstance(first, Bare) else words


def _show(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)
    sys.stdout.flush()
