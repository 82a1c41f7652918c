"""What a command's file says of it: one file in ``lab/cli/commands`` is one command.

Nothing else has to know it, unless it writes reports: those are named in ``lab.cli.early`` and ``lab.report.reports``.

The file has a function of its own name under ``@command``, and is imported when its command is called, or told of in a help.
A folder there is a command with commands of its own: its ``__init__.py`` has the function, under ``@group``, and each of its
files is one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Job(StrEnum):
    """What one does with a command; ``lab --help`` groups by it, in this order."""

    ASK = "Ask the kernel"
    CHANGE = "Make a change"
    KEEP = "Keep a lab up"
    PREPARE = "Get ready"
    SERVE = "For other tools"


@dataclass(frozen=True, slots=True)
class Command:
    """One command: ``line`` is what ``lab --help`` says of it, the function's docstring what its own help says.

    ``passes_on``: what it is called with goes to another program as it is.  ``group``: it has commands of its own, each with a
    job of that group's.
    """

    function: Callable[..., None]
    job: StrEnum
    line: str
    passes_on: bool = False
    group: bool = False

    @property
    def name(self) -> str:
        """What is typed; a function that would hide one of Python's own has a line behind its name."""
        return self.function.__name__.rstrip("_")

    @property
    def place(self) -> tuple[int, int, str]:
        """Where it is listed: by job, then short names first, as those are typed the most."""
        return list(type(self.job)).index(self.job), len(self.name), self.name


def command(job: StrEnum, line: str, *, passes_on: bool = False) -> Callable[[Callable[..., None]], Command]:
    """Make a function a command of ``lab``: `run` in ``lab/cli/commands/run.py`` is ``lab run``."""
    return lambda function: Command(function, job, line, passes_on)


def group(job: StrEnum, line: str) -> Callable[[Callable[..., None]], Command]:
    """Make a function, in the ``__init__.py`` of a folder, stand for the commands in that folder: ``lab drill start``."""
    return lambda function: Command(function, job, line, group=True)
