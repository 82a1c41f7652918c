"""How far an exposure is, as a terminal and as a CI's log see it."""

from __future__ import annotations

import io
import re
import sys

import pytest

from lab.cli.exposing import Screen
from lab.record.exposure import Exposure, Pair
from lab.record.verdict import Kind
from lab.report.exposure import FullRows

PAIR = Pair("wan", "world", "198.51.100.9", "lan", "web", "10.0.0.9", 4)
ONE = Exposure(PAIR, "tcp", ((443, 443),), Kind.ALLOWED, None, None)
ROWS = "wan -> lan\n  world  web (10.0.0.9)  tcp/443  yes    -\n"


class Terminal(io.StringIO):
    """A terminal, of which nobody knows how wide it is."""

    def isatty(self) -> bool:
        return True


def seen(*, full: bool, printed: bool = False) -> None:
    screen = Screen(full, printed, FullRows(judged=False))
    screen.progress(0, 20)
    screen.found(ONE)
    screen.progress(1, 20)
    screen.progress(20, 20)


def test_a_log_has_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    seen(full=False)
    assert capsys.readouterr() == ("", "20 questions, each of 65,535 ports\n")
    seen(full=True)
    assert capsys.readouterr() == (ROWS, "20 questions, each of 65,535 ports\n")
    seen(full=True, printed=True)
    assert capsys.readouterr().out == ""


def test_a_terminal_has_a_line_that_changes_and_goes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "__stderr__", terminal)
    seen(full=True)
    parts = re.sub(r"\d+ s\b", "SECONDS", terminal.getvalue()).split("\r\033[K")
    assert parts == [
        "", "0 of 20 questions, SECONDS", "", "1 of 20 questions, SECONDS, newest: world > web (10.0.0.9) tcp/443", "",
    ]  # fmt: skip
    assert capsys.readouterr() == (ROWS, "")
