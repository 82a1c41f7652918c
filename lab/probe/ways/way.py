"""What a way to send is."""

from __future__ import annotations

import socket as sockets
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self, TypeVar

from lab.probe.question import Question
from lab.probe.refusal import read_error_queue
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.record.observation import Arrival, Milestone, Refusal
from lab.record.packet import Packet


class _Closable(Protocol):
    def close(self) -> None: ...


Held = TypeVar("Held", bound=_Closable)


class Way:
    """One flow of a question, from when its sockets are open, and nothing has been sent, until it is let go.

    Its verbs raise nothing for what the network does: they write it into the `Sighting`, and tell whether the next may follow.
    A sighting may be that of all verbs together, or each verb may get one of its own.  `send` and `answer` may be repeated.
    """

    shakes_hands = False  # whether `open` and `close` send anything
    answers = False  # whether `answer` does; else it is the receiver's kernel that answers
    ended = False  # whether it was closed or broken off
    named: str | None = None  # what a verdict calls it, where its headers alone do not tell
    pieces = False  # whether it goes in fragments, or behind headers of IPv6
    heard_by: tuple[str, ...] = ()  # of what all of a network hears, the nodes that it is about
    __slots__ = "_client", "_sent", "_stage", "_undo", "arrival"
    arrival: Arrival | None  # how what was sent arrived last
    _client: sockets.socket
    _sent: Packet

    def __init__(self, stage: Stage, question: Question) -> None:
        """What the system refuses is an OSError, and nothing then remains."""
        self._stage, self.arrival = stage, None
        self._undo: list[Callable[[], None]] = []
        try:
            self._make_ready(stage, question)
        except BaseException:
            self.let_go()
            raise

    def _make_ready(self, stage: Stage, question: Question) -> None:
        """Open the sockets that `_hold` closes in the end, and say what is ``sent``."""
        raise NotImplementedError

    @property
    def sent(self) -> Packet:
        """The headers of what the sender sends next."""
        return self._sent

    @property
    def is_open(self) -> bool:
        """Whether `send` may be first: both ends know of the flow, or need not."""
        return True

    def _hold(self, held: Held) -> Held:
        self._undo.append(held.close)
        return held

    def open(self, seen: Sighting) -> bool:  # noqa: ARG002
        """Make the flow known at both ends, where that is needed before anything can be said."""
        return True

    def send(self, seen: Sighting) -> bool:
        """Send a nonce and wait for its arrival; whether it is for `answer` to answer it, and not for a kernel."""
        raise NotImplementedError

    def answer(self, seen: Sighting) -> bool:  # noqa: ARG002
        """Send a nonce back from where the last one arrived, and wait for its arrival."""
        return False

    def acknowledged(self) -> bool:
        """Whether the end that spoke last knows that all it said has arrived, as far as its protocol tells it."""
        return True

    def told(self) -> Refusal | None:
        """What the end that spoke last was told in place of an arrival, where `send` has not written it down."""
        return None

    def put_errors_aside(self) -> None:
        """Have the sender's socket not speak of what it was told meanwhile."""
        read_error_queue(self._client)
        self._client.getsockopt(sockets.SOL_SOCKET, sockets.SO_ERROR)

    def position(self, *, of_server: bool) -> tuple[int, int] | None:  # noqa: ARG002
        """What one end sends and expects next, in TCP's numbers; None where there are none."""
        return None

    def close(self) -> Milestone:
        """Say goodbye in order: how far that came; what is left of it is cut off."""
        return Milestone.ANSWERED

    def say_goodbye(self) -> Milestone:
        """The same without cutting anything off: what did not arrive may be taken back."""
        return self.close()

    def break_off(self, seen: Sighting, *, by_server: bool) -> bool:  # noqa: ARG002
        """Reset it from one end; whether the other was told."""
        return False

    def take_back(self) -> None:
        """Have it go on as if what did not arrive had not been said; nothing is sent for that."""

    def reset(self) -> None:
        """Cut it off, so that nothing is sent again later."""

    def let_go(self) -> None:
        """Cut off what was not closed, and close every socket, the last one first."""
        self.reset()
        while self._undo:
            self._undo.pop()()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.let_go()
