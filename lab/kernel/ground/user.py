"""Whose a socket is, the user that rules of `owner` and `meta skuid` find in its file's credentials; and its mark."""

from __future__ import annotations

import ctypes
import socket as sockets
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lab.errors import MachineError, Problem

_SO_MARK = 36  # socket(7)
_NOBODY = 0xFFFFFFFF  # no user: with it setfsuid(2) changes nothing, and tells who the thread is
_libc = ctypes.CDLL(None)
_libc.setfsuid.argtypes = [ctypes.c_uint32]


@contextmanager
def files_of(user: int) -> Iterator[None]:
    """What the calling thread opens while inside is ``user``'s (setfsuid(2)); it keeps the right to make sockets.

    Raises MachineError where this process may not be that user: without root it has only users that it is given.
    """
    before = _fsuid()
    _libc.setfsuid(user)
    try:
        if _fsuid() != user:
            what = f"nothing can be sent here as user {user}"
            mend = "run it as root: a user namespace that an ordinary user makes has its user 0 alone"
            raise MachineError(Problem(what, mend=mend))
        yield
    finally:
        _libc.setfsuid(before)


def set_mark(channel: sockets.socket, mark: int) -> None:
    """Give the socket a mark of 32 bits (SO_MARK)."""
    # as bytes: of a number that has the highest bit Python makes no C int
    channel.setsockopt(sockets.SOL_SOCKET, _SO_MARK, mark.to_bytes(4, sys.byteorder))


def _fsuid() -> int:
    return int(_libc.setfsuid(_NOBODY)) & _NOBODY
