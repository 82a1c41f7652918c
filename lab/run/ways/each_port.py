"""Each port by a packet of its own, in the lab that cells share."""

from __future__ import annotations

from lab.run.asker import Asker
from lab.run.questions import questions
from lab.verdict.cell_result import Tally
from lab.written.cell import Cell


def fits(_cell: Cell, _asker: Asker) -> bool:
    """Every cell can be asked so."""
    return True


def ask(cell: Cell, asker: Asker) -> Tally:
    """Ask port after port."""
    tally = asker.tally(cell)
    for number, (port, question) in enumerate(questions(cell), 1):
        verdict = asker.ask(cell, question)
        asker.repeats += verdict.observation.repeats
        tally.add(port, verdict)
        asker.tell(cell, number)
    return tally
