"""The cells of one matrix, run in batches between canaries, each isolated from the others."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from lab.errors import InputError, LabError, MachineError, MeasurementError, Problem, as_lab_error
from lab.kernel.hold.line_map import NodeLines, find_lines
from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.probe.question import NUMBERS, Question
from lab.record.observation import Milestone, Observation
from lab.record.packet import Packet
from lab.record.result import CellResult
from lab.record.sweep import ranges_of
from lab.record.verdict import Kind, Verdict
from lab.ruleset.held import HeldRule
from lab.ruleset.stateful import whim_of
from lab.run.isolation import Isolation
from lab.run.kernel_source import Sources
from lab.run.questions import question_of, questions
from lab.run.source_ports import from_other_ports
from lab.run.swept import is_swept, sweep_cell
from lab.verdict.cell_result import Tally
from lab.written.cell import Cell
from lab.written.expect.logged import LOGGED

BATCH = 64  # cells between one canary and the next
MOST_TOUCHES = 128  # ports of one cell that get nodes of their own, as each costs the building of a lab
LONG = 100  # ports that are asked one by one: how far they are is told
REPEATS = 1  # of a batch whose canary was not seen
MOST_FAILED = 32  # cells whose measurement fails in one matrix, before the rest of it is given up


def _nobody_is_told(cell_id: str, done: int, of: int) -> None:
    """What is told of a long cell where nobody listens."""


class MatrixRun:
    """Holds the lab of one plan from the first cell to `close`."""

    def __init__(
        self, plan: Plan, today: datetime.date | None = None, *, ports: Callable[[str, int, int], None] = _nobody_is_told
    ) -> None:
        """``ports`` is told the id of a cell that takes long, how many of its ports are done, and of how many."""
        self.plan = plan
        self._ports = ports
        self.repeats = 0
        self._today = today or datetime.date.today()
        self._lab: Lab | None = None
        self._clean: Lab | None = None
        self._lines: Mapping[str, NodeLines] | None = None
        self._isolation: Isolation | None = None
        self._broken: MeasurementError | None = None
        self._failed: set[str] = set()
        self._begun = False
        self._sources = Sources(plan.topology, plan.cells)

    @property
    def lab(self) -> Lab:
        """The lab that cells share, built when it is first asked for; raises LabError."""
        if self._lab is None:
            self._lab = self._fresh_lab()
            self._isolation = Isolation(self._lab.rules_that_remember)
        return self._lab

    def run(self, cells: Sequence[Cell]) -> Iterator[CellResult]:
        """The results of ``cells`` in their order.

        Raises InputError or MachineError when no lab can be built; where that comes in the midst of the cells, those that are
        left are lost first.  Ctrl-C leaves what is proven by then, and is raised.
        """
        waiting = list(cells)
        while waiting:
            found, stopped = self._run_batch(waiting[:BATCH])
            yield from found
            waiting = waiting[len(found) :]
            if stopped is not None:
                if isinstance(stopped, LabError):
                    yield from (_lost(cell, stopped, self._today) for cell in waiting)
                raise stopped

    def _run_batch(self, cells: Sequence[Cell]) -> tuple[list[CellResult], LabError | KeyboardInterrupt | None]:
        """A batch between two canaries, repeated in a new lab when one is not seen; then its cells are lost.

        The results are those of the first cells: a cell at which the measurement fails ends its batch and begins the next one,
        in a new lab; failing there too, it is lost.  Beside them, what stops the matrix.
        """
        for _ in range(REPEATS + 1):
            if self._broken is not None:
                break
            try:
                found, stopped = self._asked(self._built(), cells)
            except MeasurementError as error:
                failure = error
                self.repeats += 1
                self.close()
                continue
            except (InputError, MachineError) as error:
                if self._begun:
                    return [], error
                raise
            if not isinstance(stopped, MeasurementError):
                return found, stopped
            return found + self._failed_at(cells[len(found)], stopped), None
        else:
            self._broken = failure
        assert self._broken is not None
        return [_lost(cell, self._broken, self._today) for cell in cells], None

    def _asked(self, lab: Lab, cells: Sequence[Cell]) -> tuple[list[CellResult], LabError | KeyboardInterrupt | None]:
        """The results of the cells up to one that fails, and how that failed; MeasurementError when a canary is not seen."""
        found: list[CellResult] = []
        stopped: LabError | KeyboardInterrupt | None = None
        try:
            with lab.batch():
                for cell in cells:
                    try:
                        found.append(self._cell(lab, cell))
                    except KeyboardInterrupt as error:
                        stopped = error
                        break
                    except Exception as error:  # noqa: BLE001 - one cell's failure, whatever it is, leaves the others alone
                        stopped = _of_measurement(error)
                        break
        except (MeasurementError, OSError) as error:
            if isinstance(stopped, KeyboardInterrupt):
                return [], stopped
            raise _of_measurement(error) from error
        return found, stopped

    def _failed_at(self, cell: Cell, failure: MeasurementError) -> list[CellResult]:
        """What is told of a cell whose measurement failed: nothing at first, as it is tried once more in a new lab."""
        self.close()
        if cell.id not in self._failed:
            self._failed.add(cell.id)
            self.repeats += 1
            return []
        if len(self._failed) >= MOST_FAILED:
            self._broken = failure
        return [_lost(cell, failure, self._today)]

    def _built(self) -> Lab:
        try:
            lab = self.lab
        except OSError as error:
            raise as_lab_error(error, "the lab could not be built") from error
        self._begun = True
        return lab

    def _cell(self, lab: Lab, cell: Cell) -> CellResult:
        assert self._isolation is not None
        tally = self._with_limited_log(lab, cell) if self._isolation.log_is_limited(cell) else self._tally(lab, cell)
        self._ask_other_ports(lab, cell, tally)
        for words in lab.absences.behind(tally.verdicts, cell.sender.node):
            tally.warn(words)
        return self._sources.mark(lab, cell, tally.result())

    def _ask_other_ports(self, lab: Lab, cell: Cell, tally: Tally) -> None:
        """Tell where a rule on the way reads source ports, and from others than the lab's the verdict is another one."""
        if cell.sport is not None or not cell.service.ports:
            return
        assert self._isolation is not None
        remembering = bool(self._isolation.in_the_way(cell))

        def ask(port: int, sport: int) -> Verdict:
            question = question_of(cell, port, sport)
            return self._ask_clean(question, cell, keep=False) if remembering else lab.ask(question, cell.at, closely=False)

        for verdict, ports in tally.verdicts:
            for words in from_other_ports(lab, cell.service.proto, ports, verdict, ask):
                tally.note(words)

    def _with_limited_log(self, lab: Lab, cell: Cell) -> Tally:
        """A rate-limited LOG is silent after its burst, so it is judged on the first port of each verdict, on fresh nodes."""
        tally = self._tally(lab, replace(cell, expect=cell.expect.without(LOGGED)))
        asked = dict(questions(cell))
        tally.confirm(cell, lambda port: self._ask_fresh(asked[port], cell))
        return tally

    def _ask_fresh(self, question: Question, cell: Cell) -> Verdict:
        with self._fresh_lab() as fresh:
            return fresh.ask(question, cell.at, closely=True)

    def _tally(self, lab: Lab, cell: Cell) -> Tally:
        assert self._isolation is not None
        remembering = self._isolation.in_the_way(cell)
        tally = Tally(cell, self._today)
        for rule in remembering:
            if (whim := whim_of(rule.text)) is not None:
                tally.warn(f"{whim}: {rule.text}")
        if is_swept(cell):
            self._sweep(lab, cell, tally, remembering)
            return tally
        touches = 0
        for number, (port, question) in enumerate(questions(cell), 1):
            if not remembering:
                verdict = lab.ask(question, cell.at, closely=False)
            else:
                verdict = self._ask_clean(question, cell, keep=touches >= MOST_TOUCHES)
                touches += self._isolation.touched(cell, verdict)
            self.repeats += verdict.observation.repeats
            tally.add(port, verdict)
            self._tell(cell, number, cell.service.port_count)
        if remembering:
            self._tell_shared(tally, touches, remembering[0])
        return tally

    def _tell(self, cell: Cell, done: int, of: int) -> None:
        """Tell how far a cell of many ports is, at each tenth."""
        if of >= LONG and done % (of // 10) == 0 and done < of:
            self._ports(cell.id, done, of)

    def _tell_shared(self, tally: Tally, touches: int, rule: HeldRule) -> None:
        """Warn of ports that could not have nodes of their own, and let go of what they shared."""
        if touches > MOST_TOUCHES:
            shared = touches - MOST_TOUCHES
            tally.warn(f"{shared} ports shared nodes, though a rule remembers what it saw: {rule.text}")
            self._drop_clean()

    def _sweep(self, lab: Lab, cell: Cell, tally: Tally, remembering: Sequence[HeldRule]) -> None:
        """Sweep a cell; on nodes of its own past rules that remember, of which `MOST_TOUCHES` ports are then the first each."""
        if not remembering:
            self.repeats += sweep_cell(lab, cell, tally).repeats
            return
        with self._fresh_lab() as fresh:
            swept = sweep_cell(fresh, cell, tally)
        self.repeats += swept.repeats
        ports = swept.ports
        alone, shared = ports[:MOST_TOUCHES], frozenset(ports[MOST_TOUCHES:])
        if alone:
            for number, (port, question) in enumerate(questions(cell, ranges_of(alone)), 1):
                tally.add(port, self._ask_clean(question, cell, keep=False))
                self._tell(cell, number, len(alone))
        for group in swept.unsettled:
            left = [port for low, high in group.keys for port in range(low, high + 1) if port in shared]
            if left:
                tally.add_swept(ranges_of(left), group.verdict, swept.each_us)
        self._tell_shared(tally, len(ports), remembering[0])

    def _ask_clean(self, question: Question, cell: Cell, *, keep: bool) -> Verdict:
        """Ask on nodes on which no rule remembers anything; they are used again until a packet comes as far as such a rule."""
        assert self._isolation is not None
        for _ in range(REPEATS + 1):
            if self._clean is None:
                self._clean = self._fresh_lab()
            verdict = self._clean.ask(question, cell.at, closely=True)
            if verdict.kind is Kind.LOST or (not keep and self._isolation.touched(cell, verdict)):
                self._drop_clean()
            if not verdict.observation.faults:
                break
            self.repeats += 1
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
    observation = Observation(sent, Milestone.SENT, faults=tuple(problem.what for problem in failure.problems))
    tally = Tally(cell, today)
    tally.add(None, Verdict(Kind.LOST, f"the instrument failed: {failure.problems[0].what}", observation))
    return tally.result()


def _of_measurement(error: Exception) -> LabError:
    """What the system says in the midst of a measurement has made that fail, whatever it says."""
    told = as_lab_error(error)
    return MeasurementError(told.problems) if isinstance(error, OSError) else told


def in_order(results: Iterable[CellResult], cells: Sequence[Cell]) -> list[CellResult]:
    """Results in the order of ``cells``, whatever order they were measured in."""
    place = {cell.id: number for number, cell in enumerate(cells)}
    return sorted(results, key=lambda result: place[result.id])


def nothing_selected(what: str) -> Problem:
    """The problem of a selection that selects no cell."""
    return Problem(f"{what} selects no cell", mend="`lab run --collect` lists all cells")
