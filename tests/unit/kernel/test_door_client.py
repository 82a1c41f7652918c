"""What goes through a door, by sockets alone."""

from __future__ import annotations

import os
import socket as sockets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lab.kernel.stage.program.door_client import hear, tell


class Slow(sockets.socket):
    """The end of one who is so slow that the other has heard, answered and gone before he is back from his sending."""

    other: sockets.socket

    def sendmsg(self, *given: Any) -> int:
        sent = super().sendmsg(*given)
        assert hear(self.other) is not None
        tell(self.other, {"code": 0})
        self.other.close()
        return sent


def test_who_has_heard_all_may_be_gone_at_once() -> None:
    one, other = sockets.socketpair()
    with Slow(fileno=one.detach()) as slow, Path(os.devnull).open("rb") as given:
        slow.other = other
        tell(slow, {"argv": ["true"]}, (given.fileno(),))
        assert answers(slow) == [{"code": 0}]


def answers(channel: sockets.socket) -> list[dict[str, Any]]:
    found: Iterable[Any] = iter(lambda: hear(channel), None)
    return [said for said, _ in found]
