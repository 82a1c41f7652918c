"""What a change does to flows that were seen on the real host: each is asked on both sides."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.prepare.scene import Scene
from lab.record.difference import DiffReport
from lab.ruleset.backend import Backend
from lab.written.seen.live import LiveFlow


def with_seen(
    report: DiffReport, live: Sequence[LiveFlow], old: Scene, new: Scene, *,
    backends: tuple[Backend, Backend] = (Backend.NFT, Backend.NFT), progress: Callable[[int, int], None] | None = None,
) -> DiffReport:  # fmt: skip
    """The report with what becomes of the live flows, asked as new connections on both sides, the most frequent first.

    ``progress`` is told how many of how many are asked.
    """
    raise NotImplementedError
