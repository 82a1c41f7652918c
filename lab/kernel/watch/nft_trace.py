"""The trace of one node whose rules are held by nf_tables."""

from __future__ import annotations

from collections.abc import Callable

from lab.kernel.watch.paths import Assembler, Passage
from lab.kernel.watch.tracer import Tracer
from lab.record.path import Path

# of the socket's buffer for one trace message, with the room that the kernel sets aside (of 212,992 bytes 166 came)
MESSAGE_BYTES = 1300


class NftTrace:
    """What `Tracer` reads, as paths."""

    def __init__(self, tracer: Tracer, assembler: Assembler) -> None:
        self.table = tracer.table
        self.told = 0
        self._tracer, self._assembler = tracer, assembler

    def paths(self) -> list[Path]:
        """The paths of all packets since the last call, in the order in which they entered; raises tracer.Overrun."""
        messages = self._tracer.read()
        return self._assembler.assemble(messages) if messages else []

    def passages(self) -> list[Passage]:
        """The same for many packets that went few ways."""
        messages = self._tracer.read()
        self.told = len(messages)
        return self._assembler.passages(messages)

    @property
    def room(self) -> int:
        """How many messages can wait, at least."""
        return self._tracer.buffer_bytes // MESSAGE_BYTES

    def send_canaries(self) -> None:
        """Send the canaries; when they have passed, `canary_trouble` says whether all were told of."""
        self._tracer.send_canaries()

    def canary_trouble(self) -> str | None:
        """What is wrong with the instrument; None when all of it works.  What else was told is let go."""
        return self._tracer.canary_trouble()

    def closers(self) -> tuple[Callable[[], None], ...]:
        """What is to be called to stop tracing, in any order."""
        return self._tracer.closers()
