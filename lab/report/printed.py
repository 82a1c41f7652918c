"""Standard output and error as the lab prints to them: the one place that all printed text goes through.

No line is more than text to a terminal or a CI, whatever file it comes from; a reader who has gone (`lab run | head`) ends
nothing; lines have a bound.  What a machine reads goes past it with `machine_readable`.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import sys
from dataclasses import dataclass
from typing import TextIO, cast

from lab.report.plain import plain, without_commands

LONGEST_LINE = 8_000
PIPE = 140
"""Columns where nobody says how many there are: a log has no edge, and who reads it has one."""
NARROWEST, _USUAL = 40, 80  # a terminal that says it is narrower does not know its width


@dataclass(slots=True)
class _Failed:
    """What came of printing; one for all that write to the same stream."""

    error: OSError | None = None


class Printed(io.TextIOBase):
    """A standard stream; text is printed line by line, an unfinished line when it is flushed.

    ``coloured``: escape sequences pass, as rich makes them; who prints through it has made a file's text plain.
    """

    def __init__(self, raw: TextIO, *, coloured: bool = False, failed: _Failed | None = None) -> None:
        self._raw, self._coloured = raw, coloured
        self._failed = failed or _Failed()
        self._begun = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the stream behind."""
        return self._raw.encoding

    @property
    def failed(self) -> OSError | None:
        """Why nothing more is printed, where that is not the reader's doing."""
        error = self._failed.error
        return None if error is None or error.errno == errno.EPIPE else error

    def in_colour(self) -> Printed:
        """The same stream for rich."""
        return Printed(self._raw, coloured=True, failed=self._failed)

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return self._raw.isatty()

    def fileno(self) -> int:
        """The stream's descriptor."""
        return self._raw.fileno()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Print the lines that ``text`` ends."""
        *lines, self._begun = (self._begun + text).split("\n")
        self._print("".join(f"{self._safe(line)}\n" for line in lines))
        return len(text)

    def flush(self) -> None:
        """Print what was begun too."""
        begun, self._begun = self._begun, ""
        self._print(self._safe(begun), flush=True)

    def machine_readable(self, text: str) -> None:
        """Print ``text`` to the letter."""
        self.flush()
        self._print(text)

    def _safe(self, line: str) -> str:
        return without_commands(line) if self._coloured else plain(line, LONGEST_LINE)

    def _print(self, text: str, *, flush: bool = False) -> None:
        if self._failed.error is not None:
            return
        try:
            self._raw.write(text)
            if flush:
                self._raw.flush()
        except OSError as error:
            self._failed.error = error
            # what is still buffered must not fail once more when Python ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._raw.fileno())


def take_over() -> tuple[Printed, Printed]:
    """Put `Printed` in the place of standard output and error."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # was closed: else the next socket would be what is printed to
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # a terminal that cannot show a letter shows something else, and the run goes on
            stream.reconfigure(errors="replace")
    out, err = Printed(sys.stdout), Printed(sys.stderr)
    sys.stdout, sys.stderr = out, err
    return out, err


def printed_width() -> int:
    """How many columns standard output has: those of ``COLUMNS``, else the terminal's, of a pipe or file 140."""
    columns = shutil.get_terminal_size((PIPE, 24)).columns
    return columns if columns >= NARROWEST else _USUAL


def folding_width() -> int | None:
    """The same where somebody looks at it; None of a pipe or file, whose lines are searched, unless ``COLUMNS`` says more."""
    return printed_width() if sys.stdout.isatty() or os.environ.get("COLUMNS") else None


def print_machine_readable(text: str) -> None:
    """Print ``text`` to the letter, wherever standard output goes."""
    if isinstance(sys.stdout, Printed):
        sys.stdout.machine_readable(text)
    else:
        sys.stdout.write(text)


def coloured_output(*, beside: bool = False) -> TextIO:
    """Standard output for rich; with ``beside`` standard error."""
    out: TextIO = sys.stderr if beside else sys.stdout
    return cast("TextIO", out.in_colour()) if isinstance(out, Printed) else out
