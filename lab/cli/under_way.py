"""How far a question is, on standard error: a line that changes on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from lab.report.pace import MOVING_S, NOW_AND_THEN_S, Pace
from lab.report.plain import plain

_GONE = "\r\033[K"


class UnderWay:
    """Tells what it is told, as often as that can be read; nothing where it is quick, and with ``only_a_person`` no file."""

    def __init__(self, *, only_a_person: bool = False) -> None:
        self.terminal = _terminal()
        self._silent = only_a_person and self.terminal is None
        self._pace = Pace(NOW_AND_THEN_S if self.terminal is None else MOVING_S)
        self._shown = False

    @property
    def seconds(self) -> float:
        """Since it began."""
        return self._pace.seconds

    def tell(self, line: str) -> None:
        """Show how far it is, if that is due."""
        if not self._silent and self._pace.due():
            self.show(line)

    def show(self, line: str) -> None:
        """Show it at once."""
        line = plain(line)
        if self.terminal is None:
            print(line, file=sys.stderr, flush=True)
        else:
            self._shown = True
            print(_GONE + line[: _width(self.terminal)], end="", file=self.terminal, flush=True)

    def clear(self) -> None:
        """Take the line away from a terminal, so that others can be printed."""
        if self._shown and self.terminal is not None:
            self._shown = False
            print(_GONE, end="", file=self.terminal, flush=True)


def _terminal() -> TextIO | None:
    """Standard error itself, if a person sees it: the escape sequences are our own."""
    terminal = sys.__stderr__
    return terminal if terminal is not None and terminal.isatty() else None


def _width(terminal: TextIO) -> int:
    """As many characters as a line has, less one, behind which a terminal may begin another."""
    try:
        columns = os.get_terminal_size(terminal.fileno()).columns
    except OSError:
        columns = 0
    return (columns or 80) - 1
