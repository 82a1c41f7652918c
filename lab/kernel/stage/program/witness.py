"""Witnesses that a program in a node is ready: the kernel's own tables, what it printed, what it said itself.  Never a time."""

from __future__ import annotations

import errno
import os
import socket as sockets
from dataclasses import dataclass
from typing import Protocol

from lab.kernel.ground.namespace import Namespace

_OPEN = {"tcp": "0A", "udp": "07"}  # net/tcp_states.h: TCP_LISTEN; UDP sockets that are bound are TCP_CLOSE
_NOTIFY = "NOTIFY_SOCKET"


class Witness(Protocol):
    """Who can tell that a program is ready."""

    @property
    def what(self) -> str:
        """What it waits for, in words: ``it listens on tcp/21``."""

    @property
    def descriptor(self) -> int | None:
        """What is readable when there is something new; None where nobody notifies."""

    def arm(self, namespace: Namespace) -> dict[str, str]:
        """Get ready before the program is started in this namespace; returns what its environment needs."""

    def saw(self, printed: str) -> bool:
        """Whether it is ready by now; ``printed`` is all that it has printed."""

    def close(self) -> None:
        """Let go of what `arm` opened."""


class _Silent:
    """What most witnesses have in common: nothing to open."""

    descriptor: int | None = None

    def close(self) -> None:
        """Nothing was opened."""


@dataclass(slots=True)
class Listens(_Silent):
    """Some socket of the node listens on (or, for udp, is bound to) a port, as the kernel's table says (proc_net(5))."""

    proto: str
    port: int
    _namespace: Namespace | None = None

    @property
    def what(self) -> str:
        """In words."""
        return f"it listens on {self.proto}/{self.port}"

    def arm(self, namespace: Namespace) -> dict[str, str]:
        """Remember where to look."""
        self._namespace = namespace
        return {}

    def saw(self, printed: str) -> bool:  # noqa: ARG002
        """Look into the tables of both families."""
        assert self._namespace is not None
        with self._namespace:
            return any(self._in(f"/proc/thread-self/net/{self.proto}{family}") for family in ("", "6"))

    def _in(self, table: str) -> bool:
        try:
            with open(table) as file:
                lines = [line.split() for line in file][1:]
        except FileNotFoundError:  # no IPv6 in this kernel
            return False
        wanted = f"{self.port:04X}"
        return any(line[1].rpartition(":")[2] == wanted and line[3] == _OPEN[self.proto] for line in lines)


@dataclass(slots=True)
class Prints(_Silent):
    """It has printed a text."""

    text: str

    @property
    def what(self) -> str:
        """In words."""
        return f"it prints {self.text!r}"

    def arm(self, namespace: Namespace) -> dict[str, str]:  # noqa: ARG002
        """Nothing to prepare."""
        return {}

    def saw(self, printed: str) -> bool:
        """Look through what it printed."""
        return self.text in printed


class Notifies:
    """It says so itself, as sd_notify(3) does: READY=1 to the socket that its environment names."""

    what = "it notifies that it is ready"

    def __init__(self) -> None:
        self._socket: sockets.socket | None = None

    @property
    def descriptor(self) -> int | None:
        """The socket's."""
        return None if self._socket is None else self._socket.fileno()

    def arm(self, namespace: Namespace) -> dict[str, str]:
        """Open the socket: an abstract name belongs to a network namespace (unix(7)), and is no file."""
        name = f"lab-{os.urandom(8).hex()}"
        self._socket = namespace.socket(sockets.AF_UNIX, sockets.SOCK_DGRAM)
        self._socket.bind(f"\0{name}")
        return {_NOTIFY: f"@{name}"}

    def saw(self, printed: str) -> bool:  # noqa: ARG002
        """Read what was said."""
        assert self._socket is not None
        while True:
            try:
                said = self._socket.recv(4096)
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK):
                    return False
                raise OSError(error.errno, os.strerror(error.errno or 0)) from error
            if b"READY=1" in said.split(b"\n"):
                return True

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
