"""The lines of a control connection (RFC 959, 4.2): said, and heard, or known not to get through."""

from __future__ import annotations

import re
import socket as sockets
from time import monotonic
from typing import NamedTuple

from lab.errors import MeasurementError, Problem
from lab.kernel.ground.syscalls import readable
from lab.probe.question import TCP
from lab.probe.refusal import RESET
from lab.probe.sighting import Sighting
from lab.record.path import End

_DEADLINE_S = 60.0  # for a program that has all it needs, however busy the machine is
_LOOK_AGAIN_S = 0.02
_MOST = 64 << 10  # bytes that a server may say before its reply is whole
_SHOWN = 200  # characters of a line
_ONGOING = (End.LEFT, End.DELIVERED)
_REPLY = re.compile(rb"([1-5][0-9][0-9])(?:-.*\n(?:.*\n)*?\1)?( [^\r\n]*)?\r?\n")
_BEGINS = re.compile(rb"[1-5][0-9][0-9][- \r\n]")


class Reply(NamedTuple):
    """What the server answered: a code of three digits, and the text behind it."""

    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip()


class Dialogue:
    """What is said over ``channel``; ``whose`` names the server in messages, ``said`` are the lines so far.

    ``no_reply`` tells of what the server said that is none.
    """

    def __init__(self, channel: sockets.socket, whose: str) -> None:
        self._channel, self._whose = channel, whose
        self._heard = b""
        self.ended, self.no_reply = False, ""
        self.said: list[str] = []

    def say(self, seen: Sighting, line: str) -> bool:
        """Say a line; False where the connection is broken."""
        self.said.append(f"> {line}")
        try:
            self._channel.sendall(line.encode() + b"\r\n")
        except OSError:
            seen.refusal = RESET
            return False
        return True

    def hear(self, seen: Sighting) -> Reply | None:
        """The next reply; None when the connection ended, or a packet of the session is known not to get through.

        A program has all the time that it needs: the trace, when the network is at rest, tells whether it can be waited for.
        Raises MeasurementError for one that says nothing, though all came to it.
        """
        until = monotonic() + _DEADLINE_S
        while (reply := self._next(seen)) is None and not self.ended:
            if not readable(self._channel.fileno(), _LOOK_AGAIN_S):
                seen.stage.network.rest()
                if not readable(self._channel.fileno(), 0) and _stopped(seen):
                    return None
            if monotonic() > until:
                last = next((line for line in reversed(self.said) if line[0] == ">"), "> its client").removeprefix("> ")
                raise MeasurementError(Problem(f"{self._whose} answered {last} by nothing within {_DEADLINE_S:g} s"))
        return reply

    def _next(self, seen: Sighting) -> Reply | None:
        """A whole reply at the beginning of what was heard; what is none ends the dialogue."""
        while (found := _REPLY.match(self._heard)) is None:
            if len(self._heard) > _MOST or (b"\n" in self._heard and not _BEGINS.match(self._heard)):
                self.ended = True
                line = self._heard.split(b"\n", 1)[0].rstrip(b"\r")
                self.no_reply = f"what the server says is no reply of FTP: {_plain(line)}"
                return None
            try:
                part = self._channel.recv(4096)
            except BlockingIOError:
                return None
            except OSError:
                part, seen.refusal = b"", RESET
            if not part:
                self.ended = True
                return None
            self._heard += part
        self._heard = self._heard[found.end() :]
        reply = Reply(found[1].decode(), _plain((found[2] or b"")[1:]))
        self.said.append(f"< {reply}")
        return reply


def _stopped(seen: Sighting) -> bool:
    """Whether the trace tells of a segment that some node kept."""
    seen.read_trace()
    return any(path.entry.proto == TCP and path.end not in _ONGOING for path in seen.paths)


def _plain(text: bytes) -> str:
    return "".join(one if one.isprintable() else "?" for one in text[:_SHOWN].decode(errors="replace"))
