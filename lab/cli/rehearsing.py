"""Changes rehearsed, as the command line has it: each played on its lab, printed as it goes, and reported."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lab.cli.changes import changes_among
from lab.cli.ending import Failure, reporting, show_nothing, stopped_by
from lab.cli.evidence import NO_EVIDENCE, Options, begin, finish_with
from lab.cli.given import Given, Selection
from lab.cli.under_way import UnderWay
from lab.errors import InputError, Problem, gravest
from lab.kernel.ground.privileges import enter
from lab.prepare.sides import change_sides
from lab.record.rehearsal import End, Event, Rehearsal, Rehearsals
from lab.report.plain import plain
from lab.report.printed import folding_width
from lab.report.rehearsal import rehearsals_lines
from lab.report.write import Reports
from lab.ruleset.backend import Backend
from lab.study.guarding.prepared import require_allowed
from lab.study.rehearse.prepared import Prepared, prepared
from lab.study.rehearse.rehearse import rehearse
from lab.written.load import held_matrices, load_change, search_folders

if TYPE_CHECKING:
    from lab.evidence.keeping import Keeping
    from lab.evidence.of_rehearsal import RehearsalEvidence


def rehearse_and_report(
    given: Given, chosen: Selection, reports: Reports[Rehearsals], evidence: Options = NO_EVIDENCE, *, trials: bool
) -> NoReturn:
    """Rehearse what is given, and report it; ``evidence`` is kept of it where it is wanted."""
    far = UnderWay()
    with reporting(reports, given.matrices) as reads:
        files, others = changes_among(given.matrices)
        if others or not files:
            what = f"{others[0]} is no change" if others else "which change is rehearsed?"
            raise InputError(Problem(what, mend="lab rehearse changes/CHG-1.yaml"))
        reads(files)
        for file in files:
            require_allowed(load_change(file), allow_commands=given.allow_commands)
        keeping = begin(evidence, "rehearse")
        enter()
        kept = None if keeping is None else _evidence_of(keeping, files, chosen.backends)
        told = _all_of(given, files, chosen, far, kept, trials=trials)
        far.clear()
    bundle = None if kept is None or told.interrupted else partial(kept.write, told)
    show = partial(_show, told) if not reports.printed else show_nothing
    finish_with(told.exit_code, lambda: reports.write(told), show, bundle, printed=reports.printed)


def _evidence_of(keeping: Keeping, files: Sequence[Path], backends: Sequence[Backend]) -> RehearsalEvidence:
    from lab.evidence.of_rehearsal import RehearsalEvidence

    return RehearsalEvidence(keeping, files, backends)


def _all_of(
    given: Given, files: Sequence[Path], chosen: Selection, far: UnderWay, kept: RehearsalEvidence | None, *, trials: bool
) -> Rehearsals:
    done: list[Rehearsal] = []
    stopped = Failure((), 0)
    try:
        with closing(_each(given, files, chosen, far, kept, trials=trials)) as each:
            for one in each:
                done.append(one)  # what is done stays, whatever comes next
                if one.end is End.INTERRUPTED:
                    break
    except (Exception, KeyboardInterrupt) as error:
        if not done:
            raise
        stopped = stopped_by(error)
    codes = [code for one in done for code in (*one.codes, 1 if one.faults else 0)]
    interrupted = stopped.interrupted or any(one.end is End.INTERRUPTED for one in done)
    return Rehearsals(tuple(done), gravest([*codes, stopped.exit_code]), stopped.problems, interrupted=interrupted)


def _each(
    given: Given, files: Sequence[Path], chosen: Selection, far: UnderWay, kept: RehearsalEvidence | None, *, trials: bool
) -> Generator[Rehearsal, None, None]:
    for file in files:
        for backend in chosen.backends:
            yield from _of_file(given, file, backend, far, kept, trials=trials)


def _of_file(
    given: Given, file: Path, backend: Backend, far: UnderWay, kept: RehearsalEvidence | None, *, trials: bool
) -> Iterator[Rehearsal]:
    change = load_change(file)
    matrices = held_matrices(change, search_folders(file, shipped=given.shipped))

    def heard(event: Event) -> None:
        far.tell(plain(f"{change.change} {event.phase} {event.what}"))

    with ExitStack() as undo:
        sides = undo.enter_context(change_sides(file, change, given.rendering(backend), shipped=given.shipped))
        ready: list[Prepared] = [prepared(change, one, matrices, backend) for one in sides]
        for one in ready:
            if kept is not None:
                kept.begin(one.sides)
            yield rehearse(one, heard=heard, kept=kept, tries=trials, allow_commands=given.allow_commands)


def _show(told: Rehearsals) -> None:
    for line in rehearsals_lines(told, folding_width()):
        print(line)
    sys.stdout.flush()
