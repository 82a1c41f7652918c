"""What can go wrong, told so that a person can mend it.

Every error carries *what* is wrong, *where* (file, line, column, value) and *how to mend it*.  Each class has the exit
code of the command line: 2 the input is wrong, 3 the measurement failed, 4 this machine cannot.  `as_lab_error` gives words
to what Python and the system raise.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a file: ``policies/edge.rules.j2:42:7``; line and column count from 1, None where unknown."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, in one message: ``where: what; mend``."""

    what: str
    where: Where | None = None
    mend: str = ""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}" + (f"\n    {self.mend}" if self.mend else "")


class LabError(Exception):
    """One or more problems that end the work in the same way."""

    exit_code: ClassVar[int]

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class InputError(LabError):
    """What the user wrote is wrong, or selects nothing."""

    exit_code = 2


class MeasurementError(LabError):
    """The instrument failed: what the lab saw proves nothing."""

    exit_code = 3


class MachineError(LabError):
    """This machine cannot do it; the problem's mend says what is missing and how to get it."""

    exit_code = 4


class MissingError(MachineError):
    """This machine's kernel, or its tools, do not have what a ruleset asks for: another one might."""


class Interrupted(KeyboardInterrupt):
    """A signal that asks for the end: what was finished is reported, and the exit code is 128 + ``signum``, as in shells."""

    def __init__(self, signum: int) -> None:
        self.signum = signum
        super().__init__(signal.Signals(signum).name)


def interrupted_code(error: KeyboardInterrupt) -> int:
    """130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
    return 128 + (error.signum if isinstance(error, Interrupted) else signal.SIGINT)


_NO_SIGNAL = 128
"""Exit codes above are those of signals."""


def gravest(codes: Iterable[int]) -> int:
    """Of several exit codes the one that is told: a signal's, else the first of 4, 2, 3, 1; 0 without any of them."""
    seen = set(codes)
    signals = (code for code in seen if code > _NO_SIGNAL)
    return next(signals, next((code for code in (4, 2, 3, 1) if code in seen), 0))


_FILES = "ulimit -n 65536   (or fewer nodes)"
_LACKING: Mapping[int, str] = {
    errno.EMFILE: _FILES,
    errno.ENFILE: "sudo sysctl -w fs.file-max=1000000",
    errno.ENOMEM: "more memory, or a smaller topology",
    errno.ENOSPC: "free space; for namespaces: sudo sysctl -w user.max_net_namespaces=15000",
    errno.EDQUOT: "free space",
    errno.EPERM: "`lab doctor` says what is missing",
    errno.EACCES: "`lab doctor` says what is missing",
    errno.EROFS: "mount it writable, or run in a container with --privileged",
    errno.ENOSYS: "`lab doctor` says what is missing",
    errno.EOPNOTSUPP: "`lab doctor` says what is missing",
    errno.EPROTONOSUPPORT: "`lab doctor` says what is missing",
    errno.EAFNOSUPPORT: "`lab doctor` says what is missing",
}
"""What the system says when the machine lacks something, and what mends it."""


def as_lab_error(error: Exception, doing: str = "") -> LabError:
    """``error`` as the lab tells it, ``doing`` being what it happened at: itself if it is a LabError.

    What the machine lacks (descriptors, memory, room, rights) is a MachineError, whatever else the system says a
    MeasurementError, and so is an exception that nobody has foreseen: LAB_TRACEBACK=1 shows where that came from.
    """
    if isinstance(error, LabError):
        return error
    at = f"{doing}: " if doing else ""
    if os.environ.get("LAB_TRACEBACK"):
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, OSError):
        mend = _LACKING.get(error.errno or 0, "")
        problem = Problem(f"{at}the system says: {system_words(error)}", mend=mend)
        return MachineError(problem) if mend else MeasurementError(problem)
    said = str(error).strip()
    what = f"{at}unforeseen {type(error).__name__}{f': {said}' if said else ''} in {_origin(error)}"
    mend = "this is a fault of netfilter-lab, not of your files; LAB_TRACEBACK=1 shows where it comes from"
    return MeasurementError(Problem(what, mend=mend))


def system_words(error: OSError) -> str:
    """What the system says, with its name and the file where there is one: ``No space left on device (ENOSPC)``."""
    number = error.errno or 0
    name = f" ({errno.errorcode[number]})" if number in errno.errorcode else ""
    file = f": {os.fsdecode(error.filename)}" if isinstance(error.filename, str | bytes) else ""
    return f"{error.strerror or type(error).__name__}{name}{file}"


def _origin(error: BaseException) -> str:
    """The innermost place of the lab's own code: ``lab.written.fields:89``."""
    place = "the lab"
    trace = error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module.partition(".")[0] == "lab":
            place = f"{module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
