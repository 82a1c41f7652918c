"""Tables of conntrack as the command line has them: of a node while flows are open, or read from what a host printed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, NoReturn

from lab.cli.ending import finish, reporting, show_nothing
from lab.cli.files import FOLDER
from lab.cli.given import Given, Selection
from lab.cli.ready import ready_for
from lab.cli.under_way import UnderWay
from lab.errors import InputError, Problem
from lab.kernel.ground.privileges import enter
from lab.lab import Lab
from lab.prepare.live import table_of as lines_of
from lab.prepare.piped import descriptor_of, shown_as
from lab.prepare.plan import Plan
from lab.prepare.scene import Scene
from lab.probe.question import question_of
from lab.record.tracked import ConntrackReport
from lab.report.conntrack import FIRST, conntrack_lines
from lab.report.printed import folding_width
from lab.report.reports import conntrack_reports
from lab.ruleset.backend import Backend
from lab.run.questions import first_question, questions
from lab.study.tracked import FLOWS, Held, held_open, table_of, told
from lab.written.cell import Cell
from lab.written.sending import PLAIN

_WHICH = "name flows, FROM TO SERVICE, or a matrix whose allow rows are meant: --matrix FILE"


class Wanted(NamedTuple):
    """The ``words`` of flows, three each, and in which families; whose table; a file that holds one; whether all is printed."""

    words: Sequence[str]
    families: Sequence[int | None] = (None,)
    at: str | None = None
    read: str | None = None
    full: bool = False

    @property
    def first(self) -> int | None:
        """How many entries are told."""
        return None if self.full else FIRST


def print_table(given: Given, chosen: Selection, wanted: Wanted, json: Path | None) -> NoReturn:
    """Print the table, and report it."""
    reports = conntrack_reports(json)
    far = UnderWay()
    reads = [Path(wanted.read)] if wanted.read is not None and descriptor_of(wanted.read) is None else []
    with reporting(reports, [*given.named(), *reads]):
        report = _read(given, wanted) if wanted.read is not None else _held(given, chosen, wanted, far)
        far.clear()
    show = show_nothing if reports.printed else partial(_show, report, voided=not given.dumps)
    finish(report.exit_code, lambda: reports.write(report), show)


def _read(given: Given, wanted: Wanted) -> ConntrackReport:
    if wanted.words or wanted.at or given.matrices or given.dumps or given.topology or given.policy:
        raise InputError(Problem("--read prints a table that is there, and nothing is built", mend="leave the other words out"))
    assert wanted.read is not None
    descriptor = descriptor_of(wanted.read)
    shown = wanted.read if descriptor is None else shown_as(descriptor)
    return ConntrackReport(table_of(shown, told(lines_of(wanted.read)), wanted.first))


def _held(given: Given, chosen: Selection, wanted: Wanted, far: UnderWay) -> ConntrackReport:
    if len(chosen.backends) > 1:
        raise InputError(Problem("a table is of one backend", mend="--backend nft"))
    if len(wanted.words) % 3:
        what = f"{' '.join(wanted.words)}: a flow is three words"
        raise InputError(Problem(what, mend="FROM TO SERVICE, and again for the next"))
    if wanted.words and chosen.expression is not None:
        raise InputError(Problem("-k chooses among a matrix's rows, and flows are named", mend="leave out one of them"))
    (backend,) = chosen.backends
    heard = partial(_far, far)
    if wanted.words:
        return _of_words(given.scene(backend), backend, wanted, heard)
    if not given.matrices and not given.dumps:
        given = replace(given, matrices=_the_only_one(given))
    if not given.matrices:
        raise InputError(Problem("which flows are to be open?", mend=_WHICH))
    (plan,) = given.whole_plans(chosen)
    return _of_rows(plan, wanted, heard)


def _the_only_one(given: Given) -> list[Path]:
    """The matrix that is meant where none is named, as of a single question; none where there are several."""
    there = given.files() if given.shipped or Path(FOLDER).is_dir() else []
    return there if len(there) == 1 else []


def _of_words(scene: Scene, backend: Backend, wanted: Wanted, heard: partial[None]) -> ConntrackReport:
    words = wanted.words
    at = _at(wanted.at if wanted.at is None else scene.word(wanted.at, sender=False), list(scene.policies))
    enter()
    with Lab(scene.topology, scene.policies, backend=backend) as lab:
        flows = [
            _of_three(lab, scene, (sender, target, service), family)
            for sender, target, service in zip(words[::3], words[1::3], words[2::3], strict=True)
            for family in wanted.families
        ]
        report = held_open(lab, at, flows, wanted.first, served=scene.twin is not None, heard=heard)
    sent = {flow.question.family for flow in flows}
    return replace(report, guesses=scene.guesses, notes=scene.notes(sent))


def _of_three(lab: Lab, scene: Scene, words: tuple[str, str, str], family: int | None) -> Held:
    sender, target = scene.words(*words[:2])
    flow = lab.asked(sender, target, words[2], family=family)
    PLAIN.fits(flow.service)
    return Held(" ".join((words[0], ">", *words[1:])), question_of(flow, PLAIN, None))


def _of_rows(plan: Plan, wanted: Wanted, heard: partial[None]) -> ConntrackReport:
    let = [cell for cell in plan.cells if cell.expect.action == "allow"]
    cells = [cell for cell in let if isinstance(first_question(cell).sends, FLOWS)]
    if not cells:
        raise InputError(Problem(f"{plan.name}: of these rows none lets a flow through", mend=_WHICH))
    at = _at(wanted.at, list(dict.fromkeys(cell.at for cell in cells)))
    ready_for([plan])
    with Lab(plan.topology, plan.policies, backend=plan.backend) as lab:
        report = held_open(lab, at, [*_flows_of(cells)], wanted.first, heard=heard)
    left = len(let) - len(cells)
    more = f"{left} of the {len(let)} cells that allow were left out: a bare segment or message is no flow that is held open"
    return replace(report, notes=(*plan.notes, *([more] if left else [])))


def _flows_of(cells: Iterable[Cell]) -> Iterator[Held]:
    for cell in cells:
        for port, question in questions(cell):
            several = f" port {port}" if cell.service.port_count > 1 else ""
            yield Held(f"{cell.id}{several}", question)


def _at(named: str | None, under_test: Sequence[str]) -> str:
    if named is not None:
        return named
    if len(under_test) != 1:
        nodes = ", ".join(under_test)
        raise InputError(Problem(f"whose table? {f'{nodes} have rules' if nodes else 'no node has rules'}", mend="--at NODE"))
    return under_test[0]


def _far(far: UnderWay, done: int, of: int) -> None:
    far.tell(f"{done:,} of {of:,} flows are open, {far.seconds:.0f} s")


def _show(report: ConntrackReport, *, voided: bool) -> None:
    """Print it; what may void it comes first, what a dump of a host does not say behind it."""
    for line in conntrack_lines(report, folding_width(), voided=voided):
        print(line)
    sys.stdout.flush()
