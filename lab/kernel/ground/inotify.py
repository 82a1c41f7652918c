"""That a file's attributes are written, told at once (inotify(7))."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_IN_ATTRIB = 0x4


class Touches:
    """Tells of each `Path.touch` of ``file``, from the moment this is made until `close`; raises OSError."""

    def __init__(self, file: Path) -> None:
        self.descriptor = _checked(_libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))
        """Readable when there was one."""
        _checked(_libc.inotify_add_watch(self.descriptor, os.fsencode(file), _IN_ATTRIB))

    def forget(self) -> None:
        """Take note of those that were told."""
        with suppress(BlockingIOError):
            while os.read(self.descriptor, 1 << 12):
                pass

    def close(self) -> None:
        """Listen no more."""
        os.close(self.descriptor)


def _checked(found: int) -> int:
    if found < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return found
