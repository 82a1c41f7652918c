"""What a way to send is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeAlias

from lab.probe.question import Question
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.record.observation import Arrival, Milestone
from lab.record.packet import Packet


class Way:
    """One flow whose sockets are there, and of which nothing has been sent.

    Its verbs raise nothing for what the network does: they write it into the `Sighting`, and tell whether the next may follow.
    A sighting may be that of all verbs together, or each verb may get one of its own.  `send` and `answer` may be repeated.
    """

    shakes_hands = False  # whether `open` and `close` send anything
    sent: Packet  # the headers of what the sender sends next
    arrival: Arrival | None = None  # how what was sent arrived last

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
        """Whether the end that spoke last knows that what it said has arrived, as far as its protocol tells it."""
        return True

    def close(self) -> Milestone:
        """Say goodbye: how far that came."""
        return Milestone.ANSWERED


Opener: TypeAlias = Callable[[Stage, Question], AbstractContextManager[Way]]
"""Makes ready to send a question; what the system refuses is an OSError."""
