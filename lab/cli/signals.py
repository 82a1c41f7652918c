"""Signals that ask for the end: Ctrl-C, SIGTERM, SIGHUP.

While a command works, the first of them raises `Interrupted`, so that what was finished is reported; one more is told to be
patient, and a third ends the process at once.  Before and after that there is nothing to finish, and the first one ends it
(`lab.cli.main`).  A signal that is ignored when the lab is started (nohup, a job in the background) stays ignored.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from lab.cli.main import SIGNALS, leave
from lab.errors import Interrupted

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_PATIENCE = b"interrupted: the reports are being written; once more ends this at once\n"
_AGAIN_S = 0.001


class Work:
    """While inside, a signal interrupts the work instead of ending the process."""

    def __init__(self) -> None:
        self._came = 0
        self.signum: int | None = None
        """The first signal that came."""

    def __enter__(self) -> Work:
        self._unraisable = sys.unraisablehook
        sys.unraisablehook = self._swallowed
        signal.signal(signal.SIGALRM, self._raise_again)
        self._handle(self._interrupt)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._handle(leave)
        sys.unraisablehook = self._unraisable

    @staticmethod
    def _handle(handler: object) -> None:
        for one in SIGNALS:
            if signal.getsignal(one) is not signal.SIG_IGN:
                signal.signal(one, handler)  # type: ignore[arg-type]

    def _interrupt(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._came += 1
        if self._came == 1:
            self.signum = signum
            raise Interrupted(signum)
        if self._came > 2:
            leave(signum, None)
        os.write(2, _PATIENCE)

    def _swallowed(self, unraisable: UnraisableHookArgs) -> None:
        """Python drops what is raised in a destructor or a callback of its own: there the signal is raised once more, later."""
        if isinstance(unraisable.exc_value, Interrupted):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        else:
            self._unraisable(unraisable)

    def _raise_again(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.signum is not None:
            raise Interrupted(self.signum)
