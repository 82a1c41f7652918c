"""A cell whose ports are asked, each as if it were the first packet that ever came: one by one, swept, with a limited log."""

from __future__ import annotations

from lab.record.result import CellResult
from lab.run.asker import Asker
from lab.run.ways import each_port, swept
from lab.run.ways.logged import Logged
from lab.run.ways.way import WayToAskPorts
from lab.written.cell import Cell

_PLAIN: tuple[WayToAskPorts, ...] = (swept, each_port)
_WAYS: tuple[WayToAskPorts, ...] = (Logged(_PLAIN), *_PLAIN)  # the first that fits


def fits(_cell: Cell, _asker: Asker) -> bool:
    """Every cell can be asked so."""
    return True


def way_of_ports(cell: Cell, asker: Asker) -> WayToAskPorts:
    """The way to ask the ports of ``cell``."""
    return next(way for way in _WAYS if way.fits(cell, asker))


def ask(cell: Cell, asker: Asker) -> CellResult:
    """Ask by the first way that fits."""
    tally = way_of_ports(cell, asker).ask(cell, asker)
    return asker.told(asker.labs.shared, cell, tally)
