"""Reports into files: written at every end of a command, and never those of yesterday."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from lab.errors import InputError, LabError, MachineError, MeasurementError, Problem, as_lab_error, gravest
from lab.report.file import STDOUT, check_writable, is_file_or_new, write_file

R = TypeVar("R")
R_made = TypeVar("R_made", covariant=True)
_HEADS = (
    b'{\n "version": ', b'<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="netfilter-lab"',
    b"## Firewall matrices: ", b"## What is exposed: ", b"## What the change changes: ", b"## Audit: ", b"## Drift: ",
    b"## Changes rehearsed: ", b"# After-action report: ",
    b"#!/bin/sh\n# What clients must see", b"#!/bin/sh\n# Makes ",
    b"::error ", b"::warning ", b"::notice ", b'<svg xmlns="http://www.w3.org/2000/svg" class="netfilter-lab"',
)  # fmt: skip
_LONGEST_HEAD = max(map(len, _HEADS))


class Nothing(Protocol[R_made]):
    """Makes the result of a command that came to none: of its problems and its exit code."""

    def __call__(self, problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> R_made:
        """The result."""


@dataclass(frozen=True, slots=True)
class Reports(Generic[R]):
    """The reports of one command, whose result is an ``R``: the file of each, and its text.

    ``of`` names what the command does (``run``, ``sweep``).  ``kept`` is a file that the command reads too: only a result
    that is finished goes into it.
    """

    of: str
    texts: Sequence[tuple[Path, Callable[[R], str]]]
    nothing: Nothing[R]
    kept: Path | None = None

    @property
    def printed(self) -> bool:
        """Whether standard output is one of them: then nothing else is printed there."""
        return any(path == STDOUT for path, _ in self.texts)

    def check(self, inputs: Iterable[Path]) -> None:
        """Raise InputError for a file that is one of the ``inputs``, or that two reports would share."""
        check_apart((path for path, _ in self.texts), (path for path in inputs if not self._is_kept(path)))

    def begin(self) -> None:
        """Put reports that say that the command did not finish in the place of yesterday's; raises for what cannot be written.

        A file that is no report of the lab is left alone until the end: what the user wrote must not go for a slip.
        """
        unfinished = self.nothing((unfinished_problem(self.of),), 3, interrupted=True)
        write_all(
            (path, partial(text, unfinished) if replaceable(path) and not self._is_kept(path) else None)
            for path, text in self.texts
        )

    def write(self, result: R, *, sparing: Iterable[Path] = (), finished: bool = True) -> None:
        """Write every report that is wanted, whatever becomes of the others; raises what `write_all` raises.

        A file of ``sparing`` is left alone: it is an input.  Of two that standard output would share none is written there.
        """
        spared = {path.resolve() for path in sparing}
        if sum(path == STDOUT for path, _ in self.texts) > 1:
            spared.add(STDOUT.resolve())
        write_all(
            (path, partial(text, result))
            for path, text in self.texts
            if (finished if self._is_kept(path) else path.resolve() not in spared)
        )

    def _is_kept(self, path: Path) -> bool:
        return self.kept is not None and path.resolve() == self.kept.resolve()


def unfinished_problem(of: str) -> Problem:
    """What a report says from the start of its command to the end."""
    return Problem(f"this {of} did not finish: it is under way, or it was killed")


def check_apart(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Raise InputError when an output is one of the inputs, or another output."""
    read = {path.resolve() for path in inputs}
    seen: set[Path] = set()
    for path in outputs:
        if path.resolve() in read:
            raise InputError(Problem(f"{path} is read by this command: a report would overwrite it"))
        if path.resolve() in seen and (path == STDOUT or is_file_or_new(path)):
            raise InputError(Problem(f"{path} is named for two reports: one would overwrite the other"))
        seen.add(path.resolve())


def write_all(reports: Iterable[tuple[Path, Callable[[], str] | None]]) -> None:
    """Write each report (with None: only see whether it could be); those that cannot be are told together.

    Raises MachineError when a disk was full for one of them, else InputError; MeasurementError for what nobody foresaw.
    """
    failed: list[LabError] = []
    for path, text in reports:
        try:
            if text is None:
                check_writable(path)
            else:
                write_file(path, text())
        except Exception as error:  # noqa: BLE001 - what one report ends with loses none of the others
            failed.append(as_lab_error(error, str(path)))
    raise_together(failed)


def raise_together(failed: Sequence[LabError]) -> None:
    """Raise one error with the problems of all, where there are any: of the class that is gravest."""
    if failed:
        code = gravest(error.exit_code for error in failed)
        kind = next(kind for kind in (MachineError, InputError, MeasurementError) if kind.exit_code == code)
        raise kind(problem for error in failed for problem in error.problems)


def replaceable(path: Path) -> bool:
    """Whether at the start of a command this file can go: there is none, it is empty, or it is a report of the lab."""
    if not is_file_or_new(path):
        return False
    try:
        with path.open("rb") as file:
            head = file.read(_LONGEST_HEAD)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return not head or head.startswith(_HEADS)
