"""The lines of a control connection (RFC 959, 4.2): said, and heard, or known not to get through."""

from __future__ import annotations

import re
import socket as sockets
from typing import NamedTuple

from lab.probe.session.awaited import awaited
from lab.probe.session.listing import Listing
from lab.probe.sighting import Sighting

_MOST = 64 << 10  # bytes that a server may say before its reply is whole
_SHOWN = 200  # characters of a line
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

    ``no_reply`` tells of what the server said that is none, ``reset`` that the connection was broken off.
    """

    def __init__(self, channel: sockets.socket, whose: str) -> None:
        self._channel, self._whose = channel, whose
        self._heard = b""
        self.ended, self.reset, self.no_reply = False, False, ""
        self.said: list[str] = []

    def say(self, line: str) -> None:
        """Say a line; where the connection is broken `hear` tells, behind what was said before."""
        self.said.append(f"> {line}")
        try:
            self._channel.sendall(line.encode() + b"\r\n")
        except OSError:
            self.reset = True

    def hear(self, seen: Sighting, beside: Listing | None = None) -> Reply | None:
        """The next reply; None when the connection ended, or a packet of the session is known not to get through.

        What comes ``beside`` it over the data connection is taken in meanwhile: a server that cannot be rid of its list says
        nothing, and of one whose list is longer than any None is heard too.
        Raises MeasurementError for one that says nothing, though all came to it.
        """

        def attempt() -> Reply | bool | None:
            if beside is not None:
                beside.take()
            reply = self._next()
            return reply or (True if self.ended or (beside is not None and beside.too_long) else None)

        def waiting() -> list[int]:
            return [self._channel.fileno(), *(beside.waiting() if beside is not None else ())]

        found = awaited(seen, waiting, attempt, self._silence)
        return found if isinstance(found, Reply) else None

    def _silence(self) -> str:
        last = next((line for line in reversed(self.said) if line[0] == ">"), "> its client").removeprefix("> ")
        return f"{self._whose} answered {last} by nothing"

    def _next(self) -> Reply | None:
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
                part, self.reset = b"", True
            if not part:
                self.ended = True
                return None
            self._heard += part
        self._heard = self._heard[found.end() :]
        reply = Reply(found[1].decode(), _plain((found[2] or b"")[1:]))
        self.said.append(f"< {reply}")
        return reply


def _plain(text: bytes) -> str:
    return "".join(one if one.isprintable() else "?" for one in text[:_SHOWN].decode(errors="replace"))
