"""Work in a process of its own: what it comes to is told, and where its bounds are nobody waits for ever."""

from __future__ import annotations

import os

import pytest

from lab.errors import InputError, Problem
from lab.kernel.ground.bounded import TooMuch, bounded


def nothing(_: float) -> None:
    """Nobody is told."""


def endless() -> None:
    while True:
        pass


def test_what_it_returns_and_raises_comes_back() -> None:
    assert bounded(lambda: {"pid": os.getpid()}, nothing)["pid"] != os.getpid()

    def wrong() -> None:
        raise InputError(Problem("it is wrong", mend="mend it"))

    with pytest.raises(InputError) as caught:
        bounded(wrong, nothing)
    assert caught.value.problems[0].mend == "mend it"


def test_what_takes_too_long_ends_and_how_long_it_is_at_work_is_told() -> None:
    told: list[float] = []
    with pytest.raises(TooMuch, match="1 s of computing"):
        bounded(endless, told.append, seconds=1)
    assert told


def test_what_takes_too_much_memory_ends() -> None:
    with pytest.raises(TooMuch, match="64 MiB"):
        bounded(lambda: len(bytearray(2**30)), nothing, size=64 * 2**20)


def test_who_stops_waiting_leaves_no_process_behind() -> None:
    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bounded(endless, stop)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_it_goes_as_deep_as_a_diagram_in_pure_python() -> None:
    def deep(left: int) -> int:
        return 0 if left == 0 else 1 + deep(left - 1)

    assert bounded(lambda: deep(5_000), nothing) == 5_000
