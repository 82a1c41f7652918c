"""Which cells packets are taken from in the window: some of every row, so that a pulse stays short."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest

from lab.written.cell import Cell

MOST_STREAMS = 96
MOST_FLOWS = 12


def streamed_cells(cells: Iterable[Cell], node: str, most: int = MOST_STREAMS) -> list[Cell]:
    """At most so many of the cells that ``node`` decides: a first one of each row and family, then a second, and so on."""
    return _spread([cell for cell in cells if cell.at == node], most)


def held_cells(cells: Iterable[Cell], node: str, most: int = MOST_FLOWS) -> list[Cell]:
    """The cells of TCP that ``node`` allows, of as many rows as there may be flows."""
    allowed = (
        cell for cell in cells
        if cell.at == node and cell.expect.action == "allow" and cell.service.proto == "tcp" and not cell.flags
    )  # fmt: skip
    return _spread(list(allowed), most)


def _spread(cells: Sequence[Cell], most: int) -> list[Cell]:
    rows: dict[tuple[str, str, int], list[Cell]] = {}
    for cell in cells:
        rows.setdefault((cell.matrix, cell.row, cell.family), []).append(cell)
    found = (cell for cell in chain.from_iterable(zip_longest(*rows.values())) if cell is not None)
    return [cell for cell, _ in zip(found, range(most), strict=False)]
