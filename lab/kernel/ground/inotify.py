"""Word of what becomes of files, by the kernel (inotify(7)): no file need be read to see that nothing happened."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.errors import MachineError, Problem

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLOEXEC, _NONBLOCK = os.O_CLOEXEC, os.O_NONBLOCK
MODIFIED, TOUCHED, CREATED, DELETED, MOVED = 0x002, 0x004, 0x100, 0x200, 0x0C0  # linux/inotify.h
_MOST = 1 << 16


class Inotify:
    """Watches from now until `close`; ``descriptor`` is readable once something has happened."""

    def __init__(self) -> None:
        self.descriptor = _LIBC.inotify_init1(_CLOEXEC | _NONBLOCK)
        if self.descriptor < 0:
            raise _failed("inotify_init1")

    def watch(self, path: Path, events: int) -> None:
        """Watch a file or a folder for these; raises MachineError where that cannot be."""
        if _LIBC.inotify_add_watch(self.descriptor, os.fsencode(path), ctypes.c_uint32(events)) < 0:
            raise _failed(str(path))

    def drain(self) -> bool:
        """Forget what was told, and say whether anything was."""
        told = False
        try:
            while os.read(self.descriptor, _MOST):
                told = True
        except BlockingIOError:
            pass
        return told

    def close(self) -> None:
        """Watch nothing any more."""
        os.close(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _failed(what: str) -> MachineError:
    return MachineError(Problem(f"{what} cannot be watched: {os.strerror(ctypes.get_errno())}"))
