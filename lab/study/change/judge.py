"""A difference held against the change that it belongs to: what was asked for, what still holds, what is collateral."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab.prepare.scene import Scene
from lab.record.difference import DiffReport
from lab.record.progress import Progress
from lab.ruleset.backend import Backend
from lab.written.change import Change


def judged(
    report: DiffReport, change: Change, old: Scene, new: Scene, *, matrices: Sequence[Path] = (),
    backends: tuple[Backend, Backend] = (Backend.NFT, Backend.NFT), listener: Progress | None = None,
) -> DiffReport:  # fmt: skip
    """The report with what the change asked for, what still holds, how much more was opened, and its exit code.

    ``old`` and ``new`` are the two sides on one topology, as the report's differences were asked on them; ``matrices`` are the
    files of what ``holds`` names (`lab.written.load.held_matrices`), run on the new side.  Raises InputError for words that the
    topology does not know.
    """
    raise NotImplementedError
