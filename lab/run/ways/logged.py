"""A log that has to be asked for by itself.

What a rate-limited rule writes is silent after its burst, so it is judged as if nothing had been logged before.  Of a train's
packets it is not read what came to a group of NFLOG, nor how often something was logged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lab.run.asker import Asker
from lab.run.questions import questions
from lab.run.ways.swept import is_swept
from lab.run.ways.way import WayToAskPorts
from lab.verdict.cell_result import Tally
from lab.written.cell import Cell
from lab.written.expect.logged import LOGGED


@dataclass(frozen=True, slots=True)
class Logged:
    """Asks the cell without its log by the first of ``ways`` that fits, then the first port of each verdict for its log."""

    ways: Sequence[WayToAskPorts]

    def fits(self, cell: Cell, asker: Asker) -> bool:
        """Where the row expects a log, and the rule that writes it is limited, or it is to be read and the cell is swept."""
        return asker.log_is_limited(cell) or (is_swept(cell) and asker.log_is_read(cell))

    def ask(self, cell: Cell, asker: Asker) -> Tally:
        """Ask for the verdicts, then for the log of each."""
        silent = replace(cell, expect=cell.expect.without(LOGGED))
        tally = next(way for way in self.ways if way.fits(silent, asker)).ask(silent, asker)
        asked = dict(questions(cell))
        tally.confirm(cell, lambda port: asker.ask(cell, asked[port], logs=True))
        return tally
