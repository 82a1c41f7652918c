"""What stops a series of which some is done: a problem is told, a signal alone by its exit code."""

from __future__ import annotations

from lab.cli.ending import Failure, stopped_by
from lab.errors import InputError, Interrupted, Problem


def test_a_problem_is_told_with_its_exit_code() -> None:
    assert stopped_by(InputError(Problem("no such node"))) == Failure((Problem("no such node"),), 2)


def test_of_a_signal_nothing_is_told_but_that_it_came() -> None:
    assert stopped_by(Interrupted(15)) == Failure((), 143, interrupted=True)
