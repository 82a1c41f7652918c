"""What a change changes, as the command line has it: both sides found, compared, printed and written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console

from lab.cli.ending import Failure, reporting, stopped_by
from lab.cli.evidence import NO_EVIDENCE, Options, begin, finish_with
from lab.cli.given import Given, Selection
from lab.cli.under_way import UnderWay
from lab.errors import InputError, Problem, gravest
from lab.kernel.ground.privileges import enter
from lab.prepare.live import live_flows
from lab.prepare.sides import OnNetwork, Sides, against_matrix, change_sides, sides_of_change, sides_on, twin_sides
from lab.prepare.since import Since, since
from lab.prepare.twins import Dumps
from lab.record.difference import DiffReport, DiffReports
from lab.report.diffs import print_diffs
from lab.report.printed import coloured_output, printed_width
from lab.report.write import Reports
from lab.ruleset.backend import Backend
from lab.study.change.judge import judged
from lab.study.change.seen import with_seen
from lab.study.diff.blocked import with_blockers
from lab.study.diff.diff import diff
from lab.study.diff.modelled import modelled
from lab.written.change import Change
from lab.written.files import is_ordinary
from lab.written.load import held_matrices, load_change, search_folders
from lab.written.seen.live import LiveFlow

if TYPE_CHECKING:
    from lab.evidence.keeping import Keeping
    from lab.evidence.of_diff import DiffEvidence


@dataclass(frozen=True, slots=True)
class Wanted:
    """The words of the command: one or two sides, and where they stand."""

    words: Sequence[str]
    node: str | None = None
    change: Path | None = None
    seen: Path | None = None
    full: bool = False


def diff_and_report(
    given: Given, chosen: Selection, wanted: Wanted, reports: Reports[DiffReports], evidence: Options = NO_EVIDENCE
) -> NoReturn:
    """Compare what is given, and report it; ``evidence`` is kept of it where it is wanted."""
    files = [Path(word) for word in wanted.words if is_ordinary(Path(word))]
    files += [file for file in (wanted.change, wanted.seen) if file is not None]
    with reporting(reports, [*given.named(), *files]), ExitStack() as undo:
        keeping = begin(evidence, "diff")
        live = live_flows(wanted.seen) if wanted.seen is not None else None
        change = None if wanted.change is None else load_change(wanted.change)
        what = _what(given, wanted, change, undo, one_backend=len(chosen.backends) == 1)
        judge = _Judge(given, wanted, change, live)
        enter()
        kept = None if keeping is None else _evidence_of(keeping, [*given.named(), *files], what, chosen)
        report = _compared(what, chosen, judge, kept)
    ticket = None if change is None else change.change
    bundle = None if kept is None or report.interrupted else partial(kept.write, report, ticket)
    show = _shower(report, reports, full=wanted.full)
    finish_with(report.exit_code, lambda: reports.write(report), show, bundle, printed=reports.printed)


def _evidence_of(keeping: Keeping, files: Sequence[Path], what: Since, chosen: Selection) -> DiffEvidence:
    from lab.evidence.of_diff import DiffEvidence

    return DiffEvidence(keeping, files, what.sides, chosen.backends)


@dataclass(frozen=True, slots=True)
class _Judge:
    """What a difference is held against: the change that it belongs to, and flows that were seen."""

    given: Given
    wanted: Wanted
    change: Change | None
    live: Sequence[LiveFlow] | None

    def judged(self, report: DiffReport, sides: Sides, backends: tuple[Backend, Backend], far: UnderWay) -> DiffReport:
        """The report with what came of that."""
        if self.change is not None and self.wanted.change is not None and not report.interrupted:
            matrices = held_matrices(self.change, search_folders(self.wanted.change, shipped=self.given.shipped))
            report = judged(report, self.change, sides.old, sides.new, matrices=matrices, backends=backends)
        if not report.interrupted and not report.problems:
            report = with_blockers(report, sides.new, backends[1])
        if self.live is not None and not report.interrupted:

            def progress(asked: int, of: int) -> None:
                far.tell(f"{asked} of {of} live flows asked on both sides, {far.seconds:.0f} s")

            report = with_seen(report, self.live, sides.old, sides.new, backends=backends, progress=progress)
        return report


def _what(given: Given, wanted: Wanted, change: Change | None, undo: ExitStack, *, one_backend: bool) -> Since:
    """What is compared with what; raises InputError."""
    if change is None and len(wanted.words) == 1 and not given.matrices and given.topology is None:
        (word,) = wanted.words
        if is_ordinary(Path(word)):
            mend = f"lab diff OLD {word}; or --matrix FILE, whose policy it is to replace"
            raise InputError(Problem(f"what is {word} compared with?", mend=mend))
        return since(word, given.files(), given.rendering(Backend.NFT), one_backend=one_backend)
    return Since(list(_sides(given, wanted, change, undo)))


def _sides(given: Given, wanted: Wanted, change: Change | None, undo: ExitStack) -> Sequence[Sides]:
    rendering = given.rendering(Backend.NFT)
    if change is not None and wanted.change is not None:
        if given.matrices or given.topology is not None or len(wanted.words) == 1:
            what = "a change says itself what is compared, and where"
            raise InputError(Problem(what, mend="lab diff --change FILE; or both sides: lab diff OLD NEW --change FILE"))
        if wanted.words:
            node = wanted.node or next(iter(change.new))
            here = OnNetwork(None, change.topology, node, given.shipped, rendering, near=wanted.change)
            return [sides_of_change(here, change, *wanted.words)]
        return undo.enter_context(change_sides(wanted.change, change, rendering, shipped=given.shipped))
    matrix = given.matrices[0] if given.matrices else None
    network = OnNetwork(matrix, given.topology, wanted.node, given.shipped, rendering)
    if len(wanted.words) == 2:
        old, new = wanted.words
        if matrix is None and given.topology is None:
            return [twin_sides(old, new, given.dumps or Dumps(), rendering)]
        return [sides_on(network, old, new, (old, new))]
    if not wanted.words:
        what = "what is compared? Two rulesets, or a revision of git whose policies stand against the work tree's"
        raise InputError(Problem(what, mend="lab diff OLD NEW; or: lab diff origin/main; or: lab diff --change FILE"))
    (word,) = wanted.words
    return [against_matrix(network, word, word)]


def _compared(what: Since, chosen: Selection, judge: _Judge, kept: DiffEvidence | None) -> DiffReports:
    backends = chosen.backends[0], chosen.backends[-1]
    done: list[DiffReport] = []
    same = [*what.same]
    stopped = Failure((), 0)
    far = UnderWay()

    def progress(asked: int, of: int) -> None:
        far.tell(f"{asked} of {of} flows asked on both sides, {far.seconds:.0f} s")

    for one in what.sides:
        if one.same and backends[0] is backends[1] and judge.change is None:
            same.append(f"{one.node} on {one.new.topology.topology}")
            continue
        try:
            found = diff(
                one.old, one.new, one.node, backends=backends, families=chosen.families, names=one.names,
                proposer=partial(modelled, waiting=far.tell),
                progress=progress,
            )  # fmt: skip
            found = judge.judged(found, one, backends, far)
            if kept is not None and not found.interrupted:
                kept.look_closely(one, found)
        except (Exception, KeyboardInterrupt) as error:
            if not done:
                raise
            stopped = stopped_by(error)
            break
        guesses = (f"guessed: {guess}" for guess in one.new.guesses)
        done.append(replace(found, notes=(*found.notes, *guesses)))
    far.clear()
    return _all_of(done, same, what, stopped)


def _all_of(done: Sequence[DiffReport], same: Sequence[str], what: Since, stopped: Failure) -> DiffReports:
    interrupted = stopped.interrupted or any(report.interrupted for report in done)
    code = gravest([*(report.exit_code for report in done), stopped.exit_code, 1 if what.apart else 0])
    return DiffReports(
        tuple(done), tuple(dict.fromkeys(same)), tuple(what.notes), interrupted, stopped.problems, code,
        apart=tuple(what.apart),
    )  # fmt: skip


def _shower(report: DiffReports, reports: Reports[DiffReports], *, full: bool) -> Callable[[], None]:
    def show() -> None:
        if not reports.printed:
            print_diffs(report, Console(file=coloured_output(), width=printed_width()), full=full)
        sys.stdout.flush()

    return show
