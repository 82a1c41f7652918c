"""The trace of one node whose rules are held by nf_tables."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from lab.kernel.watch.between import Rules
from lab.kernel.watch.kept import Kept
from lab.kernel.watch.paths import Assembler, Passage
from lab.kernel.watch.queues import Queues
from lab.kernel.watch.tracer import Overrun, TraceMessage, Tracer
from lab.record.path import Path

# of the socket's buffer for one trace message, with the room that the kernel sets aside (of 212,992 bytes 166 came)
MESSAGE_BYTES = 1300


class NftTrace:
    """What `Tracer` reads, as paths."""

    def __init__(self, tracer: Tracer, assembler: Assembler) -> None:
        self.table = tracer.table
        self.told = 0
        self._tracer, self._assembler = tracer, assembler
        self._kept: Kept[TraceMessage] | None = None
        self.queues: Queues | None = None
        self._under_way: list[TraceMessage] = []

    @property
    def descriptor(self) -> int:
        """Of the socket that it is told by."""
        return self._tracer.descriptor

    @property
    def keeps(self) -> bool:
        """Whether `paths` has more to give than what waits there."""
        return self._kept is not None

    def paths(self) -> list[Path]:
        """The paths of all packets since the last call, in the order in which they entered; raises tracer.Overrun."""
        messages = self._tracer.read() if self.queues is None else self._read_on()
        if self._kept is not None:
            return self._with_kept(self._kept, messages)
        return self._assembler.assemble(messages) if messages else []

    def _read_on(self) -> list[TraceMessage]:
        """What was told, of a packet in a queue that the lab reads up to where it went from there."""
        messages = self._tracer.read()
        while self.queues is not None and self.queues.serve():
            messages += self._tracer.read()
        return messages

    def _with_kept(self, kept: Kept[TraceMessage], messages: list[TraceMessage]) -> list[Path]:
        self._kept = None
        kept.whole()
        return kept.paths + self._assembler.assemble(kept.messages + messages)

    def settle(self, *, going_on: bool) -> None:
        """Tell what was told so far by the rules that are in force, and keep it for the next `paths`.

        With ``going_on`` a packet that may still be under way is told with what comes next.
        """
        kept = self._kept = self._kept or Kept()
        messages = kept.read_on(self._tracer.read)
        if going_on:
            paths, kept.messages = self._assembler.settled(messages)
        else:
            paths, kept.messages = self._assembler.assemble(messages), []
        kept.paths += paths

    def retell(self, rules: Rules) -> None:
        """Name what is read from now on by other ``rules``; what is armed in the node stays as it is."""
        self._assembler.retell(rules)

    def passages(self) -> list[Passage]:
        """The same for many packets that went few ways."""
        self._kept = None
        messages = self._read_on()
        self.told = len(messages)
        return self._assembler.passages(messages)

    def so_far(self, over: int = 0) -> tuple[list[Passage], int]:
        """As `Trace.so_far`."""
        before, self._under_way = self._under_way, []
        passages, self._under_way, count = self._assembler.so_far(before + self._tracer.read(), over)
        return passages, count

    @property
    def room(self) -> int:
        """How many messages can wait, at least."""
        return self._tracer.buffer_bytes // MESSAGE_BYTES

    def send_canaries(self) -> None:
        """Send the canaries; when they have passed, `canary_trouble` says whether all were told of."""
        self._tracer.send_canaries()

    def canary_trouble(self, *, keep: bool = False) -> str | None:
        """What is wrong with the instrument; None when all of it works.  What else was told is let go, or kept for `paths`."""
        trouble, told = self._tracer.canary_trouble()
        kept = self._kept or Kept()
        self._kept = Kept(kept.paths, kept.messages + told, kept.lost) if keep else None
        return trouble

    def resume(self) -> None:
        """Let go of what was told since `pause`: it is of other processes' packets."""
        with suppress(Overrun):
            self._tracer.read()
        self._kept, self._under_way = None, []

    def pause(self) -> None:
        """Let other processes ask: each can listen as well."""

    def closers(self) -> tuple[Callable[[], None], ...]:
        """What is to be called to stop tracing, in any order."""
        return self._tracer.closers()
