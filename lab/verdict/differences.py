"""What else must hold of a cell whose verdict is right: its way, and whatever its row says."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.verdict import Verdict
from lab.written.cell import Cell
from lab.written.expect.key import About
from lab.written.expect.keys import KEYS

# what decided is told before what became of a flow that passes
_IN_ORDER = sorted(KEYS, key=lambda key: key.about is About.PASSING)


def all_differences(cell: Cell, verdict: Verdict) -> tuple[str, ...]:
    """Every way in which the verdict is not what the row says, one sentence each."""
    return (*_way(cell, verdict), *_further(cell, verdict))


def _way(cell: Cell, verdict: Verdict) -> Iterator[str]:
    if cell.expect.action == "allow" and all(path.node != cell.at for path in verdict.path):
        yield f"must be decided at {cell.at}, but its packets never came there"


def _further(cell: Cell, verdict: Verdict) -> Iterator[str]:
    for key in _IN_ORDER:
        if (wanted := cell.expect.get(key)) is not None:
            yield from key.differences(wanted, cell, verdict)
