"""A network namespace that is a file descriptor: no name, so nothing that could be left behind."""

from __future__ import annotations

import fcntl
import os
import socket as sockets
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from lab.kernel.ground.syscalls import CLONE_NEWNET, setns, unshare

_OWN = "/proc/thread-self/ns/net"


class Home:
    """The namespace that the lab was started in, to which every visit to a node returns.  It is never changed."""

    def __init__(self) -> None:
        self.descriptor = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """Let go of the descriptor."""
        os.close(self.descriptor)


class Namespace:
    """A new network namespace, or that of a ``descriptor``; ``with namespace:`` is inside it, for the calling thread alone.

    It lives as long as its descriptor and the sockets that were made in it: when the process dies, the kernel takes it
    down.  A visit must not stand inside another one, since each returns to ``home``.
    """

    def __init__(self, home: Home, descriptor: int | None = None) -> None:
        self.home = home
        self._inside = 0
        if descriptor is not None:
            self.descriptor = descriptor
            return
        unshare(CLONE_NEWNET)
        try:
            self.descriptor = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
        finally:
            setns(home.descriptor)

    def __enter__(self) -> None:
        setns(self.descriptor)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        setns(self.home.descriptor)

    def socket(self, family: int, kind: int, protocol: int = 0) -> sockets.socket:
        """A non-blocking socket that stays in this namespace wherever it is used."""
        setns(self.descriptor)
        try:
            return sockets.socket(family, kind | sockets.SOCK_NONBLOCK, protocol)
        finally:
            setns(self.home.descriptor)

    @property
    def is_alone(self) -> bool:
        """Whether this process is inside of `alone`."""
        return self._inside > 0

    @contextmanager
    def alone(self, *, shared: bool = False) -> Iterator[None]:
        """While inside, no other process is inside of this for the same namespace; inside of itself it changes nothing.

        Those who are inside ``shared`` are there together.  It waits until it may be inside.  The lock is that of the
        namespace's own file, and goes with its holder (flock(2)).
        """
        if not self._inside:
            fcntl.flock(self.descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                fcntl.flock(self.descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the descriptor; the kernel removes the namespace when its last socket is closed."""
        os.close(self.descriptor)
