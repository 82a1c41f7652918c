"""How a command ends: whatever happens, its reports are written, and words and an exit code say what it was.

An error goes up as it is; on its way `reported` writes the reports with it, and `run_to_its_end` tells it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

from lab.cli.early import begin_reports
from lab.cli.signals import Work
from lab.errors import Interrupted, LabError, MachineError, Problem, as_lab_error, gravest, interrupted_code
from lab.report.plain import plain_lines
from lab.report.printed import Printed, take_over

if TYPE_CHECKING:
    from lab.report.write import Reports

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a command came to no result; ``exit_code`` is what it ends with."""

    problems: tuple[Problem, ...]
    exit_code: int
    interrupted: bool = False


def failure_of(error: Exception | KeyboardInterrupt) -> Failure:
    """What is told of an error that ends a command."""
    if isinstance(error, KeyboardInterrupt):
        return Failure((Problem("interrupted"),), interrupted_code(error), interrupted=True)
    told = as_lab_error(error)
    return Failure(told.problems, told.exit_code)


def stopped_by(error: Exception | KeyboardInterrupt) -> Failure:
    """What is told of an error that stops a series of which some is done by then: of a signal that it came, and no problem."""
    failure = failure_of(error)
    return replace(failure, problems=()) if failure.interrupted else failure


@contextmanager
def reported(write: Callable[[Failure], None]) -> Iterator[None]:
    """What is inside has reports to write; when it fails ``write`` writes what there is to say.

    A report that cannot be written is told beside the failure.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, _Told):
            raise
        failure = failure_of(error)
        try:
            _whole(lambda: write(failure))
        except LabError as unwritten:
            _tell(problem for problem in unwritten.problems if problem not in failure.problems)
            failure = replace(failure, exit_code=gravest((failure.exit_code, unwritten.exit_code)))
        raise _Told(failure) from error


@contextmanager
def reporting(reports: Reports[R], named: Iterable[Path]) -> Iterator[Callable[[Iterable[Path]], None]]:
    """What is inside comes to a result for ``reports``; when it fails they say so.

    Yesterday's go first, before anything that takes time.  ``named`` are files that the command reads, and what this gives
    takes more of them: a report that would go over one is an InputError, and is not written.
    """
    inputs = list(named)

    def failed(failure: Failure) -> None:
        told = reports.nothing(failure.problems, failure.exit_code, interrupted=failure.interrupted)
        reports.write(told, sparing=inputs, finished=False)

    def reads(more: Iterable[Path]) -> None:
        inputs.extend(more)
        reports.check(inputs)

    with reported(failed):
        reads(())
        reports.begin()
        yield reads


def finish(code: int, write: Callable[[], None], show: Callable[[], None]) -> NoReturn:
    """End a command that came to a result: its reports are written, then it is printed, then the exit code is told.

    A report that cannot be written loses none of the others; of its exit code and ``code`` the graver one is told.
    """
    unwritten: LabError | None = None
    try:
        _whole(write)
    except LabError as error:
        unwritten = error
    show()
    if unwritten is not None:
        _tell(unwritten.problems)
        code = gravest((code, unwritten.exit_code))
    raise _Finished(code)


def show_nothing() -> None:
    """Print nothing: a report on standard output says it, or there is nothing to say."""


def _whole(write: Callable[[], None]) -> None:
    """Write all, also when a signal comes in the midst of it."""
    try:
        write()
    except KeyboardInterrupt:
        write()
        raise


class _Finished(SystemExit):
    """The end of a command that has told how it came to it."""


class _Told(Exception):
    """A failure that is in the reports, and is still to be told."""

    def __init__(self, failure: Failure) -> None:
        super().__init__()
        self.failure = failure


def run_to_its_end() -> int:
    """Run the command that the command line names; returns its exit code."""
    out, err = take_over()
    with Work() as work:
        try:
            code = _run(work)
        except KeyboardInterrupt as error:
            code = _ended(failure_of(error))
        except _Told as told:
            code = _ended(told.failure)
        except Exception as error:  # noqa: BLE001 - a user is told in words, never by a traceback
            code = _ended(failure_of(error))
        return _printed(code, out, err)


def _run(work: Work) -> int:
    begin_reports(sys.argv[1:])
    from lab.cli.app import app

    try:
        app()
    except SystemExit as ended:
        if work.signum is not None and not isinstance(ended, _Finished):  # caught by the parser of the command line
            raise Interrupted(work.signum) from None
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def _ended(failure: Failure) -> int:
    _tell(failure.problems)
    return failure.exit_code


def _tell(problems: Iterable[Problem]) -> None:
    sys.stdout.flush()
    for problem in problems:
        for line in plain_lines(str(problem)):
            print(line, file=sys.stderr)


def _printed(code: int, out: Printed, err: Printed) -> int:
    """The exit code once all is printed: a reader who has gone changes nothing, a full disk is told."""
    out.flush()
    if out.failed is not None:
        print(f"not all could be printed: {out.failed.strerror}", file=err)
    err.flush()
    return code if out.failed is None else gravest((code, MachineError.exit_code))
