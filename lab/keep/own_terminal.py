"""The terminal that a command was started from: raw while it stands for one elsewhere, and as it was in every other case."""

from __future__ import annotations

import os
import signal
import termios
import tty
from contextlib import suppress
from types import TracebackType
from typing import Self

from lab.kernel.ground.syscalls import readable

_ENDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)


class OwnTerminal:
    """While inside, ``descriptor`` is raw, and signals are read from ``woken`` by `signals`.

    A child of this process waits for its end, by which the terminal is as it was even when nobody here could see to that.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> Self:
        self._settings = termios.tcgetattr(self._descriptor)
        self.woken, self._waking = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._ending, self._guard = self._start_guard()
        self._wakeup = signal.set_wakeup_fd(self._waking, warn_on_full_buffer=False)
        self._handlers = {one: signal.signal(one, lambda *_: None) for one in (signal.SIGWINCH, *_ENDS)}
        tty.setraw(self._descriptor, termios.TCSADRAIN)  # what was typed by now is kept
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self._ending)  # at which the guard does what is to be done
        os.waitpid(self._guard, 0)
        for one, handler in self._handlers.items():
            signal.signal(one, handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self.woken)
        os.close(self._waking)

    def signals(self) -> set[int]:
        """The signals that came since they were last read."""
        with suppress(BlockingIOError):
            return set(os.read(self.woken, 4096))
        return set()

    def size(self) -> tuple[int, int]:
        """Rows and columns; 24 and 80 where it has none."""
        return size_of(self._descriptor)

    def _start_guard(self) -> tuple[int, int]:
        reading, writing = os.pipe2(os.O_CLOEXEC)
        guard = os.fork()
        if guard == 0:
            os.close(writing)
            for one in (*_ENDS, signal.SIGTTOU, signal.SIGTSTP):
                signal.signal(one, signal.SIG_IGN)
            readable(reading, -1)
            self._restore()
            os._exit(0)
        os.close(reading)
        return writing, guard

    def _restore(self) -> None:
        with suppress(termios.error):  # it is gone
            termios.tcsetattr(self._descriptor, termios.TCSANOW, self._settings)


def size_of(descriptor: int) -> tuple[int, int]:
    """Rows and columns of a terminal; 24 and 80 where it has no size, or is none."""
    with suppress(OSError):
        columns, rows = os.get_terminal_size(descriptor)
        if rows and columns:
            return rows, columns
    return 24, 80


def end_of(signals: set[int]) -> int | None:
    """The first of these signals that asks for the end."""
    return next((one for one in _ENDS if one in signals), None)


def code_of(signum: int) -> int:
    """The exit code that shells have for a signal."""
    return 128 + signum
