"""Which way a cell is asked in.

Another way is a file beside this one and a word in `_PLAIN`, before those that would ask its cells otherwise:

- A *sequence* (``sequence.py``) fits a cell with steps.  It builds one lab by `Labs.fresh`, sends one step after the other in
  it with ``as_first=False``, and adds each step's verdict to the tally by its number; what a step changes in that lab goes with
  it, so nothing is undone.
- A *burst* (``burst.py``) fits a cell that asks for the nth packet.  It asks one question n times in one such lab, and adds
  each verdict by the number of its packet: the tally groups them as it groups ports.
"""

from __future__ import annotations

from lab.run.asker import Asker
from lab.run.ways import each_port, swept
from lab.run.ways.logged import Logged
from lab.run.ways.way import WayToAsk
from lab.written.cell import Cell

_PLAIN: tuple[WayToAsk, ...] = (swept, each_port)
WAYS: tuple[WayToAsk, ...] = (Logged(_PLAIN), *_PLAIN)  # the first that fits


def way_of(cell: Cell, asker: Asker) -> WayToAsk:
    """The way to ask ``cell``."""
    return next(way for way in WAYS if way.fits(cell, asker))
