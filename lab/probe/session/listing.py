"""A list of names, as it comes over a data connection that either end opens."""

from __future__ import annotations

import socket as sockets

from lab.probe.session.awaited import awaited
from lab.probe.sighting import Sighting

_MOST = 16 << 20  # bytes


class Listing:
    """What came over ``channel``, or over the first connection that the ``listener`` is given.

    ``ended`` tells that its end came, in order, and ``size`` is how many bytes came before.
    """

    def __init__(self, channel: sockets.socket | None = None, listener: sockets.socket | None = None) -> None:
        self.channel, self._listener = channel, listener
        self.size = 0
        self.ended = self._broken = False

    @property
    def too_long(self) -> bool:
        """Whether there is more of it than anybody has files: its end is not waited for."""
        return self.size > _MOST

    def waiting(self) -> list[int]:
        """The descriptor that tells when there is more; none when there will not be."""
        source = None if self._is_over() else self.channel or self._listener
        return [] if source is None else [source.fileno()]

    def opened(self) -> sockets.socket | None:
        """The connection that it comes over, None while there is none."""
        if self.channel is None and self._listener is not None:
            self.channel = _accepted(self._listener)
        return self.channel

    def take(self) -> None:
        """Take what is there."""
        channel = self.opened()
        while channel is not None and not self._is_over():
            try:
                part = channel.recv(1 << 16)
            except BlockingIOError:
                return
            except OSError:
                self._broken = True
                return
            self.size += len(part)
            self.ended = not part

    def end(self, seen: Sighting, whose: str) -> bool:
        """Wait until its end came; False where it is known not to come.

        Raises MeasurementError where ``whose`` server leaves it open, though nothing is lost on the way.
        """

        def attempt() -> bool | None:
            self.take()
            return True if self._is_over() else None

        def overdue() -> str:
            return f"{whose} did not end its data connection, of which it said that all is well,"

        awaited(seen, self.waiting, attempt, overdue)
        return self.ended

    def _is_over(self) -> bool:
        return self.ended or self._broken or self.too_long


def _accepted(listener: sockets.socket) -> sockets.socket | None:
    try:
        channel, _ = listener.accept()
    except BlockingIOError:
        return None
    channel.settimeout(0)
    return channel
