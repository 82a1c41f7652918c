"""The journal of a drill: a file that is only ever added to, a line an event; any number of commands may do so."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.errors import MachineError, Problem
from lab.record.drill import Event, EventKind

NAME = "journal.jsonl"


class Journal:
    """The journal in ``folder``, which is there; ``clock`` tells the time (seconds since the epoch)."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self.path = folder / NAME
        self.clock = clock

    def events(self) -> Sequence[Event]:
        """All that was noted, in its order; a line that is being written is not among it."""
        if not self.path.exists():
            return ()
        lines = self.path.read_bytes().split(b"\n")[:-1]
        return tuple(_event(json.loads(line)) for line in lines)

    def note(self, kind: EventKind, text: str = "", data: Mapping[str, Any] | None = None) -> Event:
        """Add an event of now; raises MachineError where it cannot be written."""
        event = Event(self.clock(), kind, text, data or {})
        self.add(event)
        return event

    def add(self, event: Event) -> None:
        """Add an event, whole, after those of others; raises MachineError where it cannot be written."""
        line = json.dumps({"at": event.at, "kind": str(event.kind), "text": event.text, "data": dict(event.data)}) + "\n"
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                os.write(descriptor, line.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise MachineError(Problem(f"{self.path} cannot be written: {error.strerror}")) from error


def _event(told: Mapping[str, Any]) -> Event:
    return Event(told["at"], EventKind(told["kind"]), told["text"], told["data"])
