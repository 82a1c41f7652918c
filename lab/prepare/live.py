"""Live flows of a real host, in whatever it is that they are written down in."""

from __future__ import annotations

from pathlib import Path

from lab.errors import InputError, Problem, Where
from lab.twin.reading import read_host
from lab.twin.snapshot import FIRST, is_snapshot
from lab.written.files import Unfit, read_file
from lab.written.seen.conntrack_text import read_conntrack
from lab.written.seen.live import LiveFlow, gathered
from lab.written.seen.read import read_seen


def live_flows(file: Path) -> tuple[LiveFlow, ...]:
    """The flows that a snapshot tracked, or those of a file as `read_seen` reads it; raises InputError."""
    if not _is_snapshot(file):
        return read_seen(file)
    tracked = read_host(file).conntrack
    found = () if tracked is None else gathered(read_conntrack(tracked.text, tracked.shown))
    if not found:
        what = "the snapshot has no tracked flow"
        raise InputError(Problem(what, Where(str(file)), "take one that has: lab snapshot --conntrack | ssh root@HOST sh"))
    return found


def _is_snapshot(file: Path) -> bool:
    """What cannot be read is told by who reads it."""
    try:
        return is_snapshot(read_file(file, FIRST).decode(errors="replace"))
    except (OSError, ValueError, Unfit):
        return False
