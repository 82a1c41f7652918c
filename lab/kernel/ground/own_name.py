"""What a process is called in the lists of others."""

from __future__ import annotations

import ctypes
from pathlib import Path

_ARGUMENTS = slice(47 - 2, 49 - 2)  # of /proc/self/stat, behind the command: where they begin and end (proc_pid_stat(5))
_LONGEST_COMMAND = 15


def call_itself(name: str) -> None:
    """Have the calling process listed as ``name``, without the words that it was started with; raises OSError."""
    stat = Path("/proc/self/stat").read_text()
    start, end = map(int, stat.rpartition(")")[2].split()[_ARGUMENTS])
    room = end - start
    ctypes.memmove(start, name.encode()[: room - 1].ljust(room, b"\0"), room)
    Path("/proc/self/comm").write_text(name[:_LONGEST_COMMAND])
