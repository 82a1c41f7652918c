"""The moments that a script names, whenever they are heard."""

from __future__ import annotations

import socket

from lab.probe.session.shell import Shell
from lab.ruleset.applying.command import Command
from lab.study.rehearse.phases import _marked


class Answering(Shell):
    """A shell whose answer is all there when it is first heard."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        super().__init__(near, "gw")
        self._far = far

    def begin(self, line: str) -> None:
        super().begin(line)
        self._far.sendall(b"loading\n\x1d0 100\x1d\x1d1 200\x1dis applied\n\x1e%s 0\x1e" % self._mark.encode())


def test_moments_that_come_with_the_end_are_named() -> None:
    told: list[tuple[str, int | None]] = []

    def mark(label: str, ns: int | None = None) -> None:
        told.append((label, ns))

    near, far = socket.socketpair()
    with near, far:
        ran = _marked(Answering(near, far), "sh", [Command(("nft", "-f", "-"))], mark)
    assert told == [("the first command begins", 100), ("1: nft -f -", 200)]
    assert ran.output == "loading\nis applied\n"
    assert ran.code == 0
