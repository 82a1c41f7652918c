"""The system calls that Python 3.11 lacks, with errors that are exceptions."""

from __future__ import annotations

import ctypes
import os
import select
from collections.abc import Collection
from typing import Any

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS, CLONE_NEWIPC = 0x04000000, 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_REC_PRIVATE = 0x4000 | (1 << 18)
_MOUNT_SETATTR, _MOUNT_ATTR_RDONLY = 442, 1
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_CHILD_SUBREAPER = 1, 38, 36
_PR_CAPBSET_READ, _PR_CAPBSET_DROP = 23, 24
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


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


def getsockopt(descriptor: int, level: int, option: int, buffer: ctypes.Array[ctypes.c_char]) -> None:
    """Ask a socket for an option that reads ``buffer`` before it fills it (getsockopt(2)); raises OSError."""
    length = ctypes.c_uint(len(buffer))
    _check(_libc.getsockopt(descriptor, level, option, buffer, ctypes.byref(length)), "getsockopt")


def readable(descriptor: int, seconds: float) -> bool:
    """Whether there is something to read, waiting for it so long; poll(2), as select(2) knows no descriptor above 1,023."""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(seconds * 1000))


class Ready:
    """Which of ``descriptors`` have something to read, or an error to tell; asked of all at once."""

    def __init__(self, descriptors: Collection[int]) -> None:
        self._poll = select.poll()
        for descriptor in descriptors:
            self._poll.register(descriptor, select.POLLIN)

    def now(self) -> set[int]:
        """Those that have, without waiting."""
        return self.within(0)

    def within(self, seconds: float | None) -> set[int]:
        """Those that have as soon as there are any; none when so much time went by, which with None it never does."""
        return {descriptor for descriptor, _ in self._poll.poll(None if seconds is None else seconds * 1000)}


def make_mounts_private() -> None:
    """Keep every mount made from here on inside this mount namespace (mount(2), MS_PRIVATE); raises OSError."""
    _check(_libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None), "mount --make-rprivate /")


def make_mounts_read_only() -> None:
    """Make every mount of this mount namespace read-only (mount_setattr(2), Linux 5.12); raises OSError."""
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY, 0, 0, 0)
    system_call(_MOUNT_SETATTR, _AT_FDCWD, b"/", _AT_RECURSIVE, attributes, ctypes.sizeof(attributes))


def mount(kind: str, target: str, options: str = "", flags: int = MS_NOSUID) -> None:
    """Mount a new filesystem of this kind (mount(2)); raises OSError."""
    found = _libc.mount(kind.encode(), target.encode(), kind.encode(), flags, options.encode())
    _check(found, f"mount of {kind} on {target}")


def give_up_capabilities(kept: Collection[int]) -> None:
    """Have no program that the calling thread executes gain any capability but these (PR_CAPBSET_DROP); raises OSError."""
    for number in range(64):
        if number not in kept and _libc.prctl(_PR_CAPBSET_READ, number, 0, 0, 0) == 1:
            _check(_libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0), "prctl")


def die_with_parent(signum: int) -> None:
    """Have the kernel send the calling process this signal when the thread that made it ends (prctl(2)); raises OSError."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0), "prctl")


def adopt_orphans() -> None:
    """Become the parent of all that descends from the calling process and loses its own (prctl(2)); raises OSError."""
    _check(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def give_up_new_privileges() -> None:
    """Let the calling thread and what it starts gain no privilege by a set-user-ID program (prctl(2)); raises OSError."""
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def system_call(number: int, *arguments: Any) -> int:
    """A system call that the C library has no function for, by its number (the same on all of Linux's machines since 2019)."""
    longs = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    result: int = _libc.syscall(ctypes.c_long(number), *longs)
    if result < 0:
        _check(result, f"system call {number}")
    return result
