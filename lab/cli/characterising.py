"""What a host's rules do today, asked of the kernel for its first matrix, which is green when it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab.cli.ready import ready_for
from lab.cli.under_way import UnderWay
from lab.errors import LabError
from lab.prepare.plan import Plan
from lab.prepare.scene import Scene
from lab.record.result import CellResult, Outcome
from lab.record.way import Way
from lab.report.progress import NoProgress
from lab.ruleset.backend import Backend
from lab.run.runner import Order, run_plan
from lab.study.exposure import Bare, measure
from lab.study.untold import unknown_places
from lab.twin.characterise import Characterised, characterised
from lab.twin.matrix_words import Words
from lab.twin.twin import Twin
from lab.written.cells import expand
from lab.written.matrix import Matrix
from lab.written.messages import validated
from lab.written.yaml_source import read_yaml

FAMILIES = (4, 6)


@dataclass(slots=True)
class _Screen(NoProgress):
    """How far it is, on standard error."""

    what: str
    _of: int = 0
    _done: int = 0
    _under_way: UnderWay = field(default_factory=UnderWay)

    def progress(self, done: int, of: int) -> None:
        """So many are done."""
        if done == of:
            self._under_way.clear()
        else:
            self._under_way.tell(f"{done} of {of} {self.what}, {self._under_way.seconds:.0f} s")

    def started(self, cells: int) -> None:
        """So many are to be asked."""
        self._of = cells

    def cell(self, result: CellResult) -> None:  # noqa: ARG002 - whatever it came to
        """One more is done."""
        self._done += 1
        self.progress(self._done, self._of)

    def finished(self) -> None:
        """Take the line away."""
        self._under_way.clear()


def what_is_so(scene: Scene, twin: Twin, backend: Backend, text: Callable[[Characterised], str]) -> Characterised:
    """What is so today, as rows that hold; ``text`` makes the matrix of them."""
    return _holding(_measured(scene, twin, backend), scene, backend, text)


def _measured(scene: Scene, twin: Twin, backend: Backend) -> Characterised:
    bare = Bare(scene, backend, FAMILIES)
    ready_for([bare])
    progress = _Screen("questions").progress
    report = measure([bare], FAMILIES, (), (), every_port=False, then=None, progress=progress)
    if report.interrupted:
        raise KeyboardInterrupt
    if report.problems:
        raise LabError(report.problems)
    return characterised(report, Words(twin), unknown_places((*report.lost, *report.unsettled)))


def _holding(found: Characterised, scene: Scene, backend: Backend, text: Callable[[Characterised], str]) -> Characterised:
    """The rows without those of which a whole conversation fares otherwise than the packets that were measured."""
    document = read_yaml(text(found), "the first matrix")
    matrix = validated(Matrix, document)
    matrix.remember(document)
    cells = tuple(cell for cell in expand(matrix, scene.topology, FAMILIES) if cell.expect.action == "allow")
    if not cells:
        return found
    plan = Plan(Path(document.file), matrix, scene.topology, scene.policies, cells, way=Way(str(backend)))
    done = run_plan(plan, Order(), _Screen("connections held"))
    if done.interrupted is not None:
        raise KeyboardInterrupt
    if done.problems:
        raise LabError([one.problem for one in done.problems])
    failed: dict[str, CellResult] = {}
    for result in done.results:
        if result.outcome is not Outcome.PASSED:
            failed.setdefault(result.row, result)
    rows = [row for row in found.rows if row.name not in failed]
    remarks = [f"{name}: {_told(result)}, so that no row says it" for name, result in failed.items()]
    return replace(found, rows=rows, remarks=[*found.remarks, *remarks])


def _told(result: CellResult) -> str:
    by = f" by {result.verdict.rule}" if result.verdict.rule is not None else ""
    connection = f"{result.sender} -> {result.target} {result.service}"
    return f"its first packets pass, and of a whole connection {connection} is {result.verdict.kind}{by}"
