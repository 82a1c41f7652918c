"""Waits for the injects of a drill: for its clock, for what its journal is told, and for its end."""

from __future__ import annotations

import math
import os
import select
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from lab.drill.inject import come, states, until_next
from lab.drill.played import Played
from lab.kernel.ground.inotify import MODIFIED, Inotify
from lab.written.drill_parts import Inject


class Following:
    """Wakes up when something may have become due, and at no other time."""

    def __init__(self, played: Played) -> None:
        self._played = played
        with ExitStack() as undo:
            self._keeper = os.pidfd_open(played.entry.keeper)
            undo.callback(os.close, self._keeper)
            self._journal = undo.enter_context(Inotify())
            self._journal.watch(played.journal.path, MODIFIED)
            self._undo = undo.pop_all()

    def injects(self) -> Iterator[tuple[int, Inject]]:
        """Each as it comes, until none is left to come or the lab is down."""
        waiting = select.poll()
        for descriptor in (self._keeper, self._journal.descriptor):
            waiting.register(descriptor, select.POLLIN)
        while True:
            yield from come(self._played)
            if all(state != "to come" for _, _, state in states(self._played)):
                return
            seconds = until_next(self._played)
            ready = waiting.poll(None if seconds is None else math.ceil(seconds * 1000))
            if any(descriptor == self._keeper for descriptor, _ in ready):
                return
            self._journal.drain()

    def close(self) -> None:
        """Wait no longer."""
        self._undo.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
