"""The system calls that Python 3.11 lacks, with errors that are exceptions."""

from __future__ import annotations

import ctypes
import os
import select

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
MS_REC_PRIVATE = 0x4000 | (1 << 18)

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, doing: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{doing}: {os.strerror(number)}")


def setns(descriptor: int) -> None:
    """Move the calling thread into the namespace behind ``descriptor`` (setns(2)); raises OSError."""
    if _libc.setns(descriptor, 0) != 0:
        _check(-1, "setns")


def unshare(flags: int) -> None:
    """Give the calling thread namespaces of its own (unshare(2)); raises OSError."""
    _check(_libc.unshare(flags), "unshare")


def readable(descriptor: int, seconds: float) -> bool:
    """Whether there is something to read, waiting for it so long; poll(2), as select(2) knows no descriptor above 1,023."""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(seconds * 1000))


def make_mounts_private() -> None:
    """Keep every mount made from here on inside this mount namespace (mount(2), MS_PRIVATE); raises OSError."""
    _check(_libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None), "mount --make-rprivate /")
