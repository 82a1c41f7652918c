"""Each port on nodes of its own: a rule on the way remembers what it saw, and is to see every port as its first."""

from __future__ import annotations

from lab.ruleset.held import HeldRule
from lab.run.asker import Asker
from lab.run.questions import questions
from lab.verdict.cell_result import Tally
from lab.written.cell import Cell

MOST_TOUCHES = 128  # ports of one cell that get nodes of their own, as each costs the building of a lab


def fits(cell: Cell, asker: Asker) -> bool:
    """Where a rule on the way remembers what it saw."""
    return bool(asker.remembering(cell))


def ask(cell: Cell, asker: Asker) -> Tally:
    """Ask port after port; beyond `MOST_TOUCHES` that came as far as such a rule, the ports share their nodes."""
    tally = asker.tally(cell)
    touches = 0
    for number, (port, question) in enumerate(questions(cell), 1):
        verdict = asker.ask_clean(cell, question, keep=touches >= MOST_TOUCHES)
        touches += asker.touched(cell, verdict)
        asker.repeats += verdict.observation.repeats
        tally.add(port, verdict)
        asker.tell(cell, number, cell.service.port_count)
    let_go(asker, tally, touches, asker.remembering(cell)[0])
    return tally


def let_go(asker: Asker, tally: Tally, touches: int, rule: HeldRule) -> None:
    """Warn of ports that could not have nodes of their own, and let go of what they shared."""
    if touches > MOST_TOUCHES:
        shared = touches - MOST_TOUCHES
        tally.warn(f"{shared} ports shared nodes, though a rule remembers what it saw: {rule.text}")
        asker.labs.drop_clean()
