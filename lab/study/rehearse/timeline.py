"""What happened when in a rehearsal, and what told it."""

from __future__ import annotations

import time
from collections.abc import Callable

from lab.record.rehearsal import Event, Phase


class Timeline:
    """Events in their order, from now on; ``heard`` is told each."""

    def __init__(self, heard: Callable[[Event], None] | None = None) -> None:
        self._begun = time.monotonic()
        self._heard = heard
        self._events: list[Event] = []
        self.phase = Phase.BASELINE

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._begun

    @property
    def events(self) -> tuple[Event, ...]:
        """All of them by now."""
        return tuple(self._events)

    def note(self, what: str, witness: str, *, good: bool | None = None) -> None:
        """Write down what happened in the present phase."""
        self._events.append(Event(self.seconds, self.phase, what, witness, good))
        if self._heard is not None:
            self._heard(self._events[-1])
