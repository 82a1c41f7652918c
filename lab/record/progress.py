"""What a run tells while it is under way."""

from __future__ import annotations

from typing import Protocol

from lab.record.result import CellResult


class Progress(Protocol):
    """What a run tells while it is under way; ``started`` comes once and first, ``finished`` once and last."""

    def started(self, cells: int) -> None:
        """``cells`` cells are to be probed."""

    def cell(self, result: CellResult) -> None:
        """One cell is done."""

    def asking(self, cell_id: str, ahead: int, done: int, of: int) -> None:
        """This cell is asked: ``done`` of its ``of`` ports are done, and ``ahead`` cells that `cell` was not told of yet.

        It comes when a cell begins, and as often as something of it is done.
        """

    def finished(self) -> None:
        """No more cells come: all are done, or the run was stopped."""
