"""What can go wrong, told so that a person can mend it.

Every error carries *what* is wrong, *where* (file, line, column, value) and *how to mend it*.  Each class has the exit
code of the command line: 2 the input is wrong, 3 the measurement failed, 4 this machine cannot.
"""

from __future__ import annotations

from collections.abc import Iterable
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
