"""Types command lines at a terminal of a node's world, as somebody in `lab shell` does, and reads what is shown."""

from __future__ import annotations

import os
import re
import select
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import Self

from lab.errors import MeasurementError, Problem
from lab.kernel.stage.door import terminal_at

_SIZE = (24, 80)
_DEADLINE_S = 60.0  # ends a hang: a command that asks something back
_MOST = 1 << 20
_LONGEST = 4000  # a terminal takes no longer line (N_TTY_BUF_SIZE, drivers/tty/n_tty.c)
_ENVIRONMENT: Mapping[str, str] = {"PS1": "# ", "TERM": "dumb", "PATH": "/usr/sbin:/sbin:/usr/bin:/bin", "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class Typed:
    """A line that was typed: its exit code, and what the terminal showed meanwhile."""

    line: str
    code: int
    shown: str


class Typist:
    """An interactive shell in a node's world, at a terminal, by its door; raises MeasurementError where it ends too soon."""

    def __init__(self, door: str) -> None:
        self._terminal = terminal_at(door, ["sh", "-i"], size=_SIZE, environment=_ENVIRONMENT)
        self._lines = 0

    def enter(self, line: str) -> Typed:
        """Type a line, and return when it is done: when the shell says so, which it was asked to on the same line."""
        if len(line.encode()) > _LONGEST or "\n" in line:
            raise MeasurementError(Problem(f"{line[:60]!r}… is no line that can be typed"))
        self._lines += 1
        mark = f"typed-{self._lines}"  # what is echoed has %d where the answer has the number
        self._send(f"{line}\nprintf '\\n%s-%d-%d\\n' typed {self._lines} $?\n".encode())
        shown = self._read_until(re.compile(rf"\n{mark}-(\d+)\r?\n"), line)
        found = re.search(rf"\n{mark}-(\d+)\r?\n", shown)
        assert found is not None
        return Typed(line, int(found[1]), shown[: found.start()].replace("\r", ""))

    def _send(self, what: bytes) -> None:
        while what:
            what = what[os.write(self._terminal.descriptor, what) :]

    def _read_until(self, wanted: re.Pattern[str], line: str) -> str:
        until, read = monotonic() + _DEADLINE_S, b""
        waiting = select.poll()
        waiting.register(self._terminal.descriptor, select.POLLIN)
        while wanted.search(text := read.decode(errors="replace")) is None:
            if not waiting.poll(max(0.0, until - monotonic()) * 1000) or len(read) > _MOST:
                raise MeasurementError(Problem(f"`{line}` did not come to its end at the terminal", mend=text[-300:]))
            try:
                part = os.read(self._terminal.descriptor, 1 << 16)
            except OSError:  # EIO: the other end is closed
                part = b""
            if not part:
                raise MeasurementError(Problem(f"the shell ended at `{line}`", mend=text[-300:]))
            read += part
        return text

    def close(self) -> None:
        """Hang up."""
        self._terminal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
