"""Whether the machine's tables of neighbours are full: one for each family, which all namespaces share.

Beyond ``gc_thresh3`` entries that are not permanent the kernel refuses a new one (neigh_alloc), and the packet that needed it
is gone.  The lab raises no sysctl of the machine; it counts the refusals and says which one it is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

_FILES = {4: "arp_cache", 6: "ndisc_cache"}
_REFUSED = "table_fulls"
# the first namespace of the machine alone has these files: this process may be in another one (rootless)
_FOLDERS = (Path("/proc/thread-self/net/stat"), Path("/proc/1/net/stat"))
REASON = "NEIGH_CREATEFAIL"  # the kernel's own word where it tells reasons


class NeighbourTables:
    """Counts what the tables refused, where this process may read it, until `close`."""

    def __init__(self, folders: tuple[Path, ...] = _FOLDERS) -> None:
        self._undo = ExitStack()
        self._files: dict[int, int] = {}
        for family, name in _FILES.items():
            for folder in folders:
                try:
                    self._files[family] = os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC)
                except OSError:
                    continue
                self._undo.callback(os.close, self._files[family])
                break

    def refused(self) -> Mapping[int, int]:
        """Neighbours that found no room since the machine started, by family (4, 6); nothing of a family that is not told."""
        return {family: _sum_up(os.pread(file, 1 << 20, 0).decode()) for family, file in self._files.items()}

    def close(self) -> None:
        """Let go of the files."""
        self._undo.close()


def _sum_up(text: str) -> int:
    """One line for each processor, in hexadecimal, under a line of names."""
    names, *lines = text.splitlines()
    column = names.split().index(_REFUSED)
    return sum(int(line.split()[column], 16) for line in lines)


def words(family: int) -> str:
    """What to say of a full table, and what mends it."""
    return (
        f"the machine's table of IPv{family} neighbours was full, which all its namespaces share: "
        f"sudo sysctl -w net.ipv{family}.neigh.default.gc_thresh3=16384"
    )
