"""The cells of one matrix, run in batches between canaries: what is asked again where the instrument failed, what is lost."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from lab.errors import InputError, LabError, MachineError, MeasurementError, as_lab_error
from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.record.observation import Milestone, Observation
from lab.record.packet import Packet, protocol_number
from lab.record.result import CellResult, Outcome
from lab.record.verdict import Kind, Verdict
from lab.run.after.kernel_source import Sources
from lab.run.asker import Asker
from lab.run.labs import Labs, OnStanding
from lab.run.ways.registry import way_of
from lab.verdict.cell_result import Tally
from lab.written.cell import Cell

BATCH = 64  # cells between one canary and the next
REPEATS = 1  # of a batch whose canary was not seen
MOST_FAILED = 32  # cells whose measurement fails in one matrix, before the rest of it is given up


def _nobody_is_told(cell_id: str, ahead: int, done: int, of: int) -> None:
    """What is told of cells where nobody listens."""


class MatrixRun:
    """Holds the lab of one plan from the first cell to `close`."""

    def __init__(
        self, plan: Plan, today: datetime.date | None = None, *,
        heard: Callable[[str, int, int, int], None] = _nobody_is_told, on: Lab | None = None,
    ) -> None:  # fmt: skip
        """``heard`` is told the id of the cell that is asked, how many were asked since the last that was given as a result,
        how many of its ports are done, and of how many.  ``on`` is a lab that stands already, and stays.
        """
        self.plan = plan
        self._today = today or datetime.date.today()
        self._labs = Labs(plan) if on is None else OnStanding(plan, on)
        sources = Sources(plan.topology, plan.cells)
        self._asker = Asker(self._labs, sources, self._today, lambda cell_id, done, of: heard(cell_id, self._ahead, done, of))
        self._ahead = 0
        self._cut_off: str | None = None
        self._repeats = 0
        self._broken: MeasurementError | None = None
        self._failed: set[str] = set()
        self._begun = False

    @property
    def lab(self) -> Lab:
        """The lab that cells share, built when it is first asked for; raises LabError."""
        return self._labs.shared

    @property
    def repeats(self) -> int:
        """How often something was sent again: a batch, a cell, a question."""
        return self._repeats + self._asker.repeats

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be told of a cell that was interrupted: it is no result, as long as nothing of it failed."""
        return (self._cut_off,) if self._cut_off is not None else ()

    def run(self, cells: Sequence[Cell]) -> Iterator[CellResult]:
        """The results of ``cells`` in their order.

        Raises InputError or MachineError when no lab can be built; where that comes in the midst of the cells, those that are
        left are lost first.  Ctrl-C leaves what is proven by then, and is raised.
        """
        waiting = list(cells)
        while waiting:
            found, stopped = self._run_batch(waiting[:BATCH])
            waiting = waiting[len(found) :]
            if isinstance(stopped, LabError):
                found += [_lost(cell, stopped, self._today) for cell in waiting]
            yield from (replace(result, way=self.plan.way) for result in found)
            if stopped is not None:
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
                self._repeats += 1
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
                    self._ahead, self._asker.under_way = len(found), None
                    try:
                        found.append(way_of(cell, self._asker).ask(cell, self._asker))
                    except KeyboardInterrupt as error:
                        found += self._begun_of(cell)
                        stopped = error
                        break
                    except Exception as error:  # noqa: BLE001 - one cell's failure, whatever it is, leaves the others alone
                        stopped = _of_measurement(error)
                        break
        except (MeasurementError, OSError) as error:
            if isinstance(stopped, KeyboardInterrupt):
                self._cut_off = None  # nothing of this batch is proven
                return [], stopped
            raise _of_measurement(error) from error
        return found, stopped

    def _failed_at(self, cell: Cell, failure: MeasurementError) -> list[CellResult]:
        """What is told of a cell whose measurement failed: nothing at first, as it is tried once more in a new lab."""
        self.close()
        if cell.id not in self._failed:
            self._failed.add(cell.id)
            self._repeats += 1
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

    def _begun_of(self, cell: Cell) -> list[CellResult]:
        """The result of a cell that was interrupted, where what was proven by then has failed; else there is a note of it."""
        tally = self._asker.under_way
        if tally is None or not tally.asked or cell.service.port_count == 1:
            return []
        asked = f"{tally.asked:,} of {cell.service.port_count:,} ports were asked"
        result = tally.result()
        if result.outcome is not Outcome.PASSED:
            return [replace(result, notes=(*result.notes, f"interrupted in the midst of it: {asked}"))]
        self._cut_off = f"interrupted in the midst of {cell.id}: {asked}, all of them as expected"
        return []

    def close(self) -> None:
        """Take the labs down."""
        self._labs.close()


def _lost(cell: Cell, failure: LabError, today: datetime.date) -> CellResult:
    """The result of a cell whose measurement failed before or after it."""
    sent = Packet(cell.family, protocol_number(cell.service.proto), cell.sender.address, cell.sport, cell.target.address, None)
    observation = Observation(sent, Milestone.SENT, faults=tuple(problem.what for problem in failure.problems))
    tally = Tally(cell, today)
    tally.add(None, Verdict(Kind.LOST, f"the instrument failed: {failure.problems[0].what}", observation))
    return tally.result()


def _of_measurement(error: Exception) -> LabError:
    """What the system says in the midst of a measurement has made that fail, whatever it says."""
    told = as_lab_error(error)
    return MeasurementError(told.problems) if isinstance(error, OSError) else told
