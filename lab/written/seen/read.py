"""Which form a file of seen flows has, told by how it begins."""

from __future__ import annotations

from pathlib import Path

from lab.written.seen.live import LiveFlow


def read_seen(path: Path) -> tuple[LiveFlow, ...]:
    """The flows in what ``conntrack -L`` printed, as text or XML, or in a capture; raises InputError with line and value."""
    raise NotImplementedError
