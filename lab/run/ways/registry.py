"""Which way a cell is asked in: another is a file beside this one and a word in `WAYS`, before those that would ask it."""

from __future__ import annotations

from lab.run.asker import Asker
from lab.run.ways import burst, by_port, sequence
from lab.run.ways.way import WayToAsk
from lab.written.cell import Cell

WAYS: tuple[WayToAsk, ...] = (burst, sequence, by_port)  # the first that fits


def way_of(cell: Cell, asker: Asker) -> WayToAsk:
    """The way to ask ``cell``."""
    return next(way for way in WAYS if way.fits(cell, asker))
