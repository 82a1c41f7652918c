"""Whose turn it is in a lab that is up: those who ask have it alone, those who look share what is left.

Who asks rings, and waits for his turn as ever.  Who looks lets go of what he has, and comes back behind those who wait.  The
bell is a file, and its lock is the gate in front of the turn: an asker holds it from when he rings until he has his turn.  Who
looks again looks whether somebody holds it, and then lets him by: so neither overtakes the other for ever, and none rings
while nobody hears it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.keep.entry import Entry
from lab.kernel.ground.inotify import TOUCHED, Inotify
from lab.site import Site

_BELL = "bell"


class Bell:
    """That of one lab: ``file`` is made where it is not there."""

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        self._file = file

    @contextmanager
    def rung(self) -> Iterator[None]:
        """While inside, those who look let go; they come back once it is left."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            os.utime(self._descriptor)
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def is_silent(self) -> bool:
        """Whether nobody waits who has rung; if so, nobody rings until `go_on`."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def wait_behind(self) -> None:
        """Return when those who have rung have had their turn, or are in it."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)
        self.go_on()

    def go_on(self) -> None:
        """Let others ring, after `is_silent` has said that none does."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def heard(self) -> Inotify:
        """What tells that it is rung, from now on."""
        heard = Inotify()
        heard.watch(self._file, TOUCHED)
        return heard

    def close(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)


def bell_of(entry: Entry) -> Bell:
    """That of a lab that is up."""
    return Bell(entry.folder / _BELL)


def ring_before_turns(site: Site, bell: Bell) -> None:
    """Have those who look at ``site`` step aside whenever it is asked, for as long as this process lives."""
    site.bell = bell.rung
