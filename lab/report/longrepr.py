"""A failure as pytest holds it: what is printed of it, its place, and the reason for the summary.

Made of pytest's own parts, as these are what xdist's workers can send.
"""

from __future__ import annotations

from pathlib import Path

from _pytest._code.code import ReprEntryNative, ReprExceptionInfo, ReprFileLocation, ReprTraceback

from lab.errors import LabError
from lab.record.result import CellResult
from lab.report.detail import explain
from lab.report.plain import plain, plain_lines
from lab.report.short import in_short

_EVIDENCE = "\n  sent "
"""Where what was seen begins in what is told of a cell."""


def cell_repr(cell: CellResult, asked: str, file: Path, line: int | None) -> ReprExceptionInfo:
    """A cell that failed, in a row at this place; ``asked`` is what ``--tb`` says: ``short`` leaves out what was seen."""
    whole = explain(cell)
    text = whole.partition(_EVIDENCE)[0] if asked == "short" else whole
    return _longrepr(text, asked, file, line, in_short(cell))


def error_repr(error: LabError, asked: str, file: Path, line: int | None) -> ReprExceptionInfo:
    """An error of the lab, at its own place where it has one."""
    first = error.problems[0]
    if first.where is not None:
        file, line = Path(first.where.file), first.where.line
    return _longrepr(in_words(error), asked, file, line, plain(first.what))


def in_words(error: LabError) -> str:
    """What is wrong, with nothing of a file that a terminal or a CI would obey."""
    return "\n".join(line for problem in error.problems for line in plain_lines(str(problem)))


def shown(file: Path) -> Path:
    """Relative to the working folder where it lies in it, as messages show it."""
    whole, here = file.absolute(), Path.cwd()
    return whole.relative_to(here) if whole.is_relative_to(here) else whole


def _longrepr(text: str, asked: str, file: Path, line: int | None, reason: str) -> ReprExceptionInfo:
    entries = [] if asked == "line" else [ReprEntryNative([f"{text}\n"])]
    crash = ReprFileLocation(str(shown(file)), line or 1, reason)
    return ReprExceptionInfo(reprtraceback=ReprTraceback(entries, None, "native"), reprcrash=crash)
