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

    def ports(self, cell_id: str, done: int, of: int) -> None:
        """``done`` of the ``of`` ports of a cell that takes long are done."""

    def finished(self) -> None:
        """No more cells come: all are done, or the run was stopped."""
