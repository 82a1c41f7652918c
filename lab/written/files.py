"""Reading files that a stranger may have put there: a link, a device or a pipe is looked at before it is opened."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


class Unfit(Exception):
    """The file is not one to be read; says why, and nothing of what is in it."""


NOT_ORDINARY = "is not an ordinary file"


def is_ordinary(path: Path) -> bool:
    """Whether this is an ordinary file; what cannot even be looked at is none that can be read."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_special(path: Path) -> bool:
    """Whether something is there that is neither an ordinary file nor a folder: a pipe, a socket, a device."""
    try:
        return path.exists() and not path.is_file() and not path.is_dir()
    except OSError:
        return False


def read_file(path: Path, limit: int, *, within: Path | None = None) -> bytes:
    """The first ``limit`` + 1 bytes of an ordinary file that lies, links followed, in the folder ``within``.

    What was looked at is what is read, whatever the name leads to meanwhile: a descriptor of O_PATH touches no device and
    waits for no writer (open(2)), and is opened again through /proc/self/fd (proc(5)).  Raises OSError as open does, and Unfit.
    """
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        mode = os.fstat(place).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        real = Path(os.readlink(f"/proc/self/fd/{place}"))  # noqa: PTH115 - what is open, not what the name leads to
        if within is not None and not real.is_relative_to(within.resolve()):
            raise Unfit(f"is a link that leads out of {within}")
        if not stat.S_ISREG(mode):
            raise Unfit(NOT_ORDINARY)
        with open(f"/proc/self/fd/{place}", "rb") as opened:  # noqa: PTH123
            return opened.read(limit + 1)
    finally:
        os.close(place)
