"""Flows asked on both sides, batch by batch, where instruments fail: what is told of each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from lab.errors import InputError, MeasurementError, Problem
from lab.record.difference import Flow
from lab.study.diff import sides as module
from lab.study.diff.sides import Sides, ask_all

_FLOWS = [Flow("desk", "10.0.0.9", "10.0.1.9", f"tcp/{port}", 4) for port in range(1, 301)]


class _Sides:
    """Sides that answer with the flow itself; what is asked of one whose port is ``fails`` cannot be measured."""

    old, node = None, "fw"

    def __init__(self, fails: str = "", *, canaries: int = 1_000) -> None:
        self._fails, self._canaries = f"tcp/{fails}", canaries

    @contextmanager
    def batch(self) -> Iterator[None]:
        """A batch, of which the first few alone end with a canary that is seen."""
        yield
        self._canaries -= 1
        if self._canaries < 0:
            raise MeasurementError(Problem("no canary"))

    def ask(self, question: Flow) -> Flow:
        """What became of it."""
        if question.service == self._fails:
            raise MeasurementError(Problem("no socket"))
        return question


def _told(monkeypatch: pytest.MonkeyPatch, sides: _Sides) -> tuple[list[int], list[str], list[tuple[int, str]]]:
    found: list[int] = []
    refused: list[str] = []
    blind: list[tuple[int, str]] = []

    def question(_lab: Any, flow: Flow, _node: str) -> Flow:
        if flow.service == "tcp/130":
            raise InputError(Problem("nobody has it"))
        return flow

    monkeypatch.setattr(module, "question_for", question)
    ask_all(
        cast("Sides", sides), _FLOWS, lambda number, *_: found.append(number),
        lambda error: refused.append(error.problems[0].what), lambda number, why: blind.append((number, why)), lambda *_: None,
    )  # fmt: skip
    return found, refused, blind


def test_all_flows_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    found, refused, blind = _told(monkeypatch, _Sides())
    assert found == [number for number in range(300) if number != 129]
    assert (refused, blind) == (["nobody has it"], [])


def test_no_flow_of_a_batch_whose_measurement_fails_goes_untold(monkeypatch: pytest.MonkeyPatch) -> None:
    found, refused, blind = _told(monkeypatch, _Sides(fails="140"))
    assert found == [*range(128), *range(256, 300)]
    assert refused == ["nobody has it"]
    assert blind == [(number, "no socket") for number in range(128, 256) if number != 129]


def test_a_batch_that_fails_at_once_is_told_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, blind = _told(monkeypatch, _Sides(fails="1"))
    assert [number for number, _ in blind] == [*range(128)]


def test_nothing_is_proven_between_canaries_of_which_one_is_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _, blind = _told(monkeypatch, _Sides(canaries=1))
    assert found == [*range(128)]
    assert blind == [(number, "no canary") for number in range(128, 300) if number != 129]
