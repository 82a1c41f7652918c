"""A shell in a node, spoken to line by line: by a connection through the rules, or by the console past them."""

from __future__ import annotations

import os
import re
import socket as sockets
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count
from time import monotonic
from types import TracebackType
from typing import Self

from lab.errors import MeasurementError, Problem
from lab.kernel.ground.syscalls import readable
from lab.kernel.stage.node import Node
from lab.kernel.stage.shell import console_of
from lab.kernel.stage.socket_table import TcpSocket, told_by, told_of
from lab.probe.attempt import step
from lab.probe.question import Question
from lab.probe.session.connections import Connections
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.probe.ways.client import Client
from lab.record.observation import Arrival, Milestone, Observation

_DEADLINE_S = 60.0  # for a shell that nothing keeps from answering, however busy the machine is
_LOOK_AGAIN_S = 0.02
_MOST = 64 << 10
_SHOWN = 400
_MOST_HEARD = 1 << 20


class How(StrEnum):
    """How a line in a shell came to its end."""

    DONE = "done"
    ENDED = "ended"  # the shell did, or its connection
    CUT = "cut"  # packets of the connection do not get through


@dataclass(frozen=True, slots=True)
class Ran:
    """What a line printed, on both channels as on a terminal, its exit code where it was told, and how it ended."""

    output: str
    code: int | None
    how: How

    @property
    def succeeded(self) -> bool:
        """Whether it was done, and ended with 0."""
        return self.how is How.DONE and self.code == 0


class Shell:
    """The shell at the other end of ``channel``; ``whose`` names it in messages."""

    def __init__(self, channel: sockets.socket, whose: str) -> None:
        self._channel, self._whose = channel, whose
        self._heard = b""
        self._lines = count(1)
        self._mark = ""
        self._line = ""
        self.ended = False
        self.said = 0  # bytes

    @property
    def descriptor(self) -> int:
        """What is readable when the shell has said something."""
        return self._channel.fileno()

    def begin(self, line: str) -> None:
        """Have it do a line of commands, beside the caller; `hear` or `finish` tells what came of it."""
        self._mark = f"{os.urandom(4).hex()}.{next(self._lines)}"
        self._line = line
        words = f"{line}\nprintf '\\036%s %s\\036' {self._mark} $?\n".encode()
        try:
            self._channel.sendall(words)
        except OSError:
            self.ended = True
        self.said += len(words)

    def hear(self) -> Ran | None:
        """What came of the line, if it has come to its end by now."""
        while not self.ended:
            found = re.search(rf"\x1e{re.escape(self._mark)} (\d+)\x1e".encode(), self._heard)
            if found is not None:
                return self._ran(How.DONE, int(found[1]), found.start())
            try:
                part = self._channel.recv(_MOST, sockets.MSG_DONTWAIT)
            except BlockingIOError:
                return None
            except OSError:
                part = b""
            self.ended = not part
            self._heard += part
            if len(self._heard) > _MOST_HEARD:
                what = f"{self._whose} printed more than {_MOST_HEARD >> 20} MiB in {self._line!r}"
                raise MeasurementError(Problem(what, mend="let the command write it to a file, or to /dev/null"))
        return self._ran(How.ENDED)

    @property
    def heard(self) -> str:
        """What the line has printed by now, as far as it was taken in by `hear`."""
        return self._heard.decode(errors="replace")

    def finish(self) -> Ran:
        """Wait until the line has come to its end, or is known not to."""
        until = monotonic() + _DEADLINE_S
        while (ran := self.hear()) is None:
            if not readable(self.descriptor, _LOOK_AGAIN_S) and self.is_cut():
                return self.hear() or self._ran(How.CUT)
            if monotonic() > until:
                said = self._ran(How.CUT).output[-_SHOWN:]
                raise MeasurementError(Problem(f"{self._whose} did not end {self._line!r} within {_DEADLINE_S:g} s: {said}"))
        return ran

    def run(self, line: str) -> Ran:
        """Both."""
        self.begin(line)
        return self.finish()

    def is_cut(self) -> bool:
        """Whether what is said, there or back, is known not to get through at the moment."""
        return False

    def close(self) -> None:
        """Hang up, in order."""
        self._channel.close()

    def _ran(self, how: How, code: int | None = None, end: int | None = None) -> Ran:
        output, self._heard = self._heard[:end].decode(errors="replace"), b""
        return Ran(output, code, how)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class Console(Shell):
    """A shell in ``node`` by no connection: no rule can touch it; ``connection`` is what it is told that it came by."""

    def __init__(self, node: Node, connection: str = "") -> None:
        super().__init__(console_of(node, connection), f"the console of {node.name}")


class AdminSession(Connections):
    """A connection through the rules to a shell of a node (`lab.kernel.stage.shell`), from `open` until `close`.

    The lab's own probes may go on meanwhile, one after the other, as beside a `Conversation`.
    """

    def __init__(self, stage: Stage, question: Question) -> None:
        """For a question of a TCP port; raises OSError for what the system refuses."""
        super().__init__(stage, replace(question, receivers=()))
        self._client = Client(stage, self._question)
        self._shell: Shell | None = None

    def open(self) -> Observation:
        """The handshake, as all witnesses saw it: `ANSWERED` where there is a shell, else why there is none."""
        return step(self._stage, self._question, self._opened)

    def _opened(self) -> Sighting:
        seen = self._begin(self._client.sent)
        if self._client.open(seen) and self._client.arrival is not None:
            seen.progress, seen.arrived = Milestone.ANSWERED, self._client.arrival
            self._client.channel.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
            self._shell = _Remote(self._stage, self._client, self._question.node)
        return self._end(seen)

    @property
    def shell(self) -> Shell:
        """What is spoken to, once `open` was answered."""
        assert self._shell is not None, "the session is open"
        return self._shell

    @property
    def arrival(self) -> Arrival | None:
        """How the connection arrived at the node that has the shell."""
        return self._client.arrival

    def break_off(self) -> None:
        """A reset in place of a goodbye: the server hears of it where the rules let it pass."""
        self._client.reset()

    def close(self) -> None:
        """Hang up, and forget the flow."""
        self.__exit__(None, None, None)

    def _let_go(self) -> None:
        if self._shell is not None:
            with suppress(OSError):
                self._client.channel.shutdown(sockets.SHUT_RDWR)
        self._client.let_go()


class _Remote(Shell):
    """The shell at the other end of a connection."""

    def __init__(self, stage: Stage, client: Client, node: str) -> None:
        arrival = client.arrival
        assert arrival is not None
        assert arrival.port is not None
        assert arrival.sport is not None
        super().__init__(client.channel, f"the shell of {arrival.at}, asked from {node}")
        self._stage, self._at = stage, stage.network.nodes[arrival.at]
        self._socket = TcpSocket(arrival.address, arrival.port, arrival.source, arrival.sport, 0)

    def is_cut(self) -> bool:
        """What the kernels of both ends know, at rest: not all that was said has come, or one of them is not heard."""
        self._stage.network.rest()
        there = told_of(self._at, self._socket)
        if there is None:
            return not readable(self.descriptor, 0)  # it is gone, and its goodbye did not come
        return there.received < self.said or there.unheard or told_by(self._channel).unheard
