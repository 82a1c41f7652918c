"""The cells of one matrix, run in batches between canaries, each isolated from the others."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from lab.errors import LabError, MeasurementError, Problem
from lab.kernel.line_map import NodeLines
from lab.lab import Lab, find_lines
from lab.probe.question import NUMBERS, Question
from lab.record.observation import Observation, Stage
from lab.record.packet import Packet
from lab.record.result import CellResult
from lab.record.verdict import Kind, Verdict
from lab.run.isolation import Isolation
from lab.run.plan import Plan
from lab.run.questions import question_of, questions
from lab.run.source_ports import from_other_ports
from lab.run.sources import Sources
from lab.run.swept import is_swept, sweep_cell
from lab.spec.cell import Cell
from lab.verdict.tally import Tally

BATCH = 64  # cells between one canary and the next
MOST_TOUCHES = 128  # ports of one cell that get nodes of their own, as each costs the building of a lab
REPEATS = 1  # of a batch whose canary was not seen


class MatrixRun:
    """Holds the lab of one plan from the first cell to `close`."""

    def __init__(self, plan: Plan, today: datetime.date | None = None) -> None:
        self.plan = plan
        self.repeats = 0
        self._today = today or datetime.date.today()
        self._lab: Lab | None = None
        self._clean: Lab | None = None
        self._lines: Mapping[str, NodeLines] | None = None
        self._isolation: Isolation | None = None
        self._broken: MeasurementError | None = None
        self._sources = Sources(plan.topology, plan.cells)

    @property
    def lab(self) -> Lab:
        """The lab that cells share, built when it is first asked for; raises LabError."""
        if self._lab is None:
            self._lab = self._fresh_lab()
            self._isolation = Isolation(self._lab.rules_that_remember)
        return self._lab

    def run(self, cells: Sequence[Cell]) -> Iterator[CellResult]:
        """The results of ``cells`` in their order; raises InputError or MachineError when the lab cannot be built."""
        for start in range(0, len(cells), BATCH):
            yield from self._run_batch(cells[start : start + BATCH])

    def _run_batch(self, cells: Sequence[Cell]) -> list[CellResult]:
        """A batch between two canaries, repeated in a new lab when one is not seen; then its cells are lost."""
        for _ in range(REPEATS + 1):
            if self._broken is not None:
                break
            try:
                lab = self.lab
                with lab.batch():
                    return [self._cell(lab, cell) for cell in cells]
            except MeasurementError as error:
                failure = error
                self.repeats += 1
                self.close()
        else:
            self._broken = failure
        assert self._broken is not None
        return [_lost(cell, self._broken, self._today) for cell in cells]

    def _cell(self, lab: Lab, cell: Cell) -> CellResult:
        assert self._isolation is not None
        if self._isolation.log_is_limited(cell):
            return self._with_limited_log(lab, cell)
        tally = self._tally(lab, cell)
        self._ask_other_ports(lab, cell, tally)
        return self._sources.mark(lab, cell, tally.result())

    def _ask_other_ports(self, lab: Lab, cell: Cell, tally: Tally) -> None:
        """Warn where a rule on the way reads source ports, and from others than the lab's the verdict is another one."""
        if cell.sport is not None or not cell.service.ports:
            return
        assert self._isolation is not None
        remembering = bool(self._isolation.in_the_way(cell))

        def ask(port: int, sport: int) -> Verdict:
            question = question_of(cell, port, sport)
            return self._ask_clean(question, cell, keep=False) if remembering else lab.ask(question, cell.at)

        for ports, verdict in tally.found():
            for words in from_other_ports(lab, cell.service.proto, ports, verdict, ask):
                tally.warn(words)

    def _with_limited_log(self, lab: Lab, cell: Cell) -> CellResult:
        """A rate-limited LOG is silent after its burst, so it is judged on the first port of each verdict, on fresh nodes."""
        tally = self._tally(lab, replace(cell, expect=replace(cell.expect, logged=None)))
        asked = dict(questions(cell))
        tally.confirm(cell, lambda port: self._ask_fresh(asked[port], cell))
        return self._sources.mark(lab, cell, tally.result())

    def _ask_fresh(self, question: Question, cell: Cell) -> Verdict:
        with self._fresh_lab() as fresh:
            return fresh.ask(question, cell.at)

    def _tally(self, lab: Lab, cell: Cell) -> Tally:
        assert self._isolation is not None
        remembering = self._isolation.in_the_way(cell)
        tally = Tally(cell, self._today)
        for rule in remembering:
            if "--mode random" in rule.text or "numgen random" in rule.text:
                tally.warn(f"a rule decides by chance, and another run may differ: {rule.text}")
        if not remembering and is_swept(cell):
            self.repeats += sweep_cell(lab, cell, tally)
            return tally
        touches = 0
        for port, question in questions(cell):
            if not remembering:
                verdict = lab.ask(question, cell.at)
            else:
                verdict = self._ask_clean(question, cell, keep=touches >= MOST_TOUCHES)
                touches += self._isolation.touched(cell, verdict)
            self.repeats += verdict.observation.repeats
            tally.add(port, verdict)
        if touches > MOST_TOUCHES:
            shared = touches - MOST_TOUCHES
            tally.warn(f"{shared} ports shared nodes, though a rule remembers what it saw: {remembering[0].text}")
            self._drop_clean()
        return tally

    def _ask_clean(self, question: Question, cell: Cell, *, keep: bool) -> Verdict:
        """Ask on nodes on which no rule remembers anything; they are used again until a packet comes as far as such a rule."""
        assert self._isolation is not None
        if self._clean is None:
            self._clean = self._fresh_lab()
        with self._clean.everything_traced():
            verdict = self._clean.ask(question, cell.at)
        if verdict.kind is Kind.LOST or (not keep and self._isolation.touched(cell, verdict)):
            self._drop_clean()
        return verdict

    def _drop_clean(self) -> None:
        if self._clean is not None:
            self._clean.close()
            self._clean = None

    def _fresh_lab(self) -> Lab:
        if self._lines is None:
            self._lines = find_lines(self.plan.topology, self.plan.policies, self.plan.backend)
        return Lab(self.plan.topology, self.plan.policies, self._lines, backend=self.plan.backend)

    def close(self) -> None:
        """Take the labs down."""
        self._drop_clean()
        if self._lab is not None:
            self._lab.close()
            self._lab = None


def _lost(cell: Cell, failure: LabError, today: datetime.date) -> CellResult:
    """The result of a cell whose measurement failed before or after it."""
    sent = Packet(cell.family, NUMBERS[cell.service.proto], cell.sender.address, cell.sport, cell.target.address, None)
    observation = Observation(sent, Stage.SENT, faults=tuple(problem.what for problem in failure.problems))
    tally = Tally(cell, today)
    tally.add(None, Verdict(Kind.LOST, f"the instrument failed: {failure.problems[0].what}", observation))
    return tally.result()


def in_order(results: Iterable[CellResult], cells: Sequence[Cell]) -> list[CellResult]:
    """Results in the order of ``cells``, whatever order they were measured in."""
    place = {cell.id: number for number, cell in enumerate(cells)}
    return sorted(results, key=lambda result: place[result.id])


def nothing_selected(what: str) -> Problem:
    """The problem of a selection that selects no cell."""
    return Problem(f"{what} selects no cell", mend="`lab run --collect` lists all cells")
