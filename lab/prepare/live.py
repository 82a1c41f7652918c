"""Live flows of a real host, in whatever it is that they are written down in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lab.errors import InputError, Problem, Where
from lab.prepare.piped import descriptor_of, piped_bytes, shown_as
from lab.twin.reading import read_host
from lab.twin.snapshot import FIRST, is_snapshot
from lab.written.files import Unfit, read_file
from lab.written.seen.conntrack_text import read_conntrack
from lab.written.seen.live import Line, LiveFlow, gathered
from lab.written.seen.read import MAX_TEXT, read_seen, read_table, table_lines

_TAKE = "take one that has: lab snapshot --conntrack | ssh root@HOST sh"


def live_flows(file: Path) -> tuple[LiveFlow, ...]:
    """The flows that a snapshot tracked, or those of a file as `read_seen` reads it; raises InputError."""
    if not _is_snapshot(file):
        return read_seen(file)
    tracked = read_host(file).conntrack
    found = () if tracked is None else gathered(read_conntrack(tracked.text, tracked.shown))
    if not found:
        what = "the snapshot has no tracked flow"
        raise InputError(Problem(what, Where(str(file)), _TAKE))
    return found


def table_of(named: str) -> Iterable[Line]:
    """The entries of a table that a command line names: what `conntrack -L` printed, or a snapshot, in a file or by a pipe.

    Raises InputError, also while they are gone through.
    """
    descriptor = descriptor_of(named)
    if descriptor is not None:
        return table_lines(piped_bytes(descriptor, "the table", MAX_TEXT), shown_as(descriptor))
    file = Path(named)
    if not _is_snapshot(file):
        return table_lines(read_table(file), named)
    tracked = read_host(file).conntrack
    if tracked is None:
        raise InputError(Problem("the snapshot has no tracked flow", Where(named), _TAKE))
    return table_lines(tracked.text.encode(), tracked.shown)


def _is_snapshot(file: Path) -> bool:
    """What cannot be read is told by who reads it."""
    try:
        return is_snapshot(read_file(file, FIRST).decode(errors="replace"))
    except (OSError, ValueError, Unfit):
        return False
