"""What tracefs says of a tracepoint: read where it is mounted, else in a mount namespace of a thread that ends."""

from __future__ import annotations

import os
import threading
from functools import cache
from pathlib import Path
from typing import NamedTuple

from lab.kernel.ground.syscalls import CLONE_NEWNS, make_mounts_private, mount, unshare

_MOUNTED = Path("/sys/kernel/tracing"), Path("/sys/kernel/debug/tracing")


class Tracepoint(NamedTuple):
    """The number by which perf_event_open(2) knows it, and the text of its format."""

    number: int
    format: str


@cache
def tracepoint(name: str) -> Tracepoint | None:
    """The tracepoint ``skb/kfree_skb``; None where this kernel has none of the name, or nobody may read of it.

    Nothing is switched on, and the machine's own mounts stay as they are.
    """
    found = next((read for place in _MOUNTED if (read := _read(place, name)) is not None), None)
    return found if found is not None or os.geteuid() != 0 else _in_a_thread(name)


def _read(place: Path, name: str) -> Tracepoint | None:
    event = place / "events" / name
    try:
        return Tracepoint(int((event / "id").read_text()), (event / "format").read_text())
    except (OSError, ValueError):
        return None


def _in_a_thread(name: str) -> Tracepoint | None:
    """Read it behind a mount that the calling thread's own namespace never has."""
    found: list[Tracepoint | None] = []

    def read() -> None:
        try:
            unshare(CLONE_NEWNS)
            make_mounts_private()
            mount("tracefs", str(_MOUNTED[0]))
        except OSError:
            return
        found.append(_read(_MOUNTED[0], name))

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    return found[0] if found else None
