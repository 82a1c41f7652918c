"""How much more a change opened than was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from lab.record.difference import Difference
from lab.study.change.asked_for import AskedFor
from lab.study.change.boxes import count
from lab.written.cell import FAMILIES


def breadth_of(differences: Sequence[Difference], asked: Sequence[AskedFor]) -> tuple[float | None, tuple[str, ...]]:
    """The flows that are open now and were not, divided by those that rows ask to be open, of the family where that is more.

    A flow is a source, a destination and a service.  Where rows of a family ask for none, what it opened is divided by one; a
    class whose size is not known counts as the one flow that was sent, which the notes say.  None where nothing was opened, nor
    asked for.
    """
    ratios: list[float] = []
    unknown = 0
    for family in FAMILIES:
        opened = [one for one in differences if one.opens and one.flow.family == family]
        wanted = count(box for row in asked if row.opens and row.cell.family == family for box in row.boxes)
        if not opened and not wanted:
            continue
        unknown += sum(one.of.size is None for one in opened)
        ratios.append(sum(one.of.size or 1 for one in opened) / max(wanted, 1))
    notes = (f"breadth counts {unknown} classes that open as one flow each, as their size is not known",) if unknown else ()
    return (max(ratios) if ratios else None), notes
