"""What a way to ask a cell is."""

from __future__ import annotations

from typing import Protocol

from lab.record.result import CellResult
from lab.run.asker import Asker
from lab.verdict.cell_result import Tally
from lab.written.cell import Cell


class WayToAsk(Protocol):
    """A module with these two functions, or an object with these two methods."""

    def fits(self, cell: Cell, asker: Asker, /) -> bool:
        """Whether ``cell`` is to be asked in this way."""

    def ask(self, cell: Cell, asker: Asker, /) -> CellResult:
        """Ask the kernel all that ``cell`` is about.

        Raises LabError where the measurement fails: the cell is then asked once more in a new lab.
        """


class WayToAskPorts(Protocol):
    """The same for a cell that is about the first packet to each of its ports, in the lab that cells share."""

    def fits(self, cell: Cell, asker: Asker, /) -> bool:
        """Whether ``cell`` is to be asked in this way."""

    def ask(self, cell: Cell, asker: Asker, /) -> Tally:
        """Ask the kernel; the tally has the verdicts.  Raises as `WayToAsk.ask` does."""
