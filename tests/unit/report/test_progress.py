from __future__ import annotations

import io
import subprocess
import sys

import pytest
from rich.console import Console

from lab.record.progress import Progress
from lab.report.progress import LiveProgress, PlainProgress, progress_for
from tests.unit.report import make


def play(progress: Progress) -> None:
    cells = [make.cell(), make.fail_open(), make.cell(matrix="[mail]")]
    progress.started(len(cells))
    for cell in cells:
        progress.cell(cell)
    progress.finished()


def test_a_line_for_each_matrix() -> None:
    stream = io.StringIO()
    play(progress_for(Console(file=stream, force_terminal=False, width=80)))
    assert stream.getvalue().splitlines() == [
        "3 cells to probe",
        "web-edge: 2 cells, 1 passed, 1 fail-open",
        "[mail]: 1 cell, 1 passed",
    ]


def test_what_ctrl_c_cut_off_is_not_printed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    progress = PlainProgress(Console(file=stream, width=80))
    progress.cell(make.cell())
    show = progress._print

    def cut_off(line: str) -> None:
        show(line)
        raise KeyboardInterrupt

    monkeypatch.setattr(progress, "_print", cut_off)
    with pytest.raises(KeyboardInterrupt):
        progress.finished()
    monkeypatch.undo()
    progress.finished()
    assert stream.getvalue().count("1 passed") == 1


def test_a_cell_that_takes_long_tells_how_far_it_is() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120, _environ={"TERM": "xterm"})
    for progress in (PlainProgress(Console(file=stream, width=80)), LiveProgress(console)):
        progress.started(1)
        progress.ports("edge::all[a->b tcp/1-65535]", 6553, 65535)
        progress.finished()
    assert stream.getvalue().count("edge::all[a->b tcp/1-65535]: 6,553 of 65,535 ports") >= 2


def test_the_door_depends_on_the_terminal() -> None:
    assert isinstance(progress_for(Console(file=io.StringIO(), force_terminal=True, _environ={})), LiveProgress)
    assert isinstance(progress_for(Console(file=io.StringIO(), force_terminal=False)), PlainProgress)
    dumb = Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "dumb"})
    assert isinstance(progress_for(dumb), PlainProgress)


def test_the_bar_shows_counts_and_failures() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, _environ={"TERM": "xterm"})
    progress = LiveProgress(console)
    progress.started(2)
    progress.cell(make.fail_open())
    progress.finished()
    assert "1/2" in stream.getvalue()
    assert "1 failed" in stream.getvalue()


def test_a_run_that_stops_early_still_ends() -> None:
    stream = io.StringIO()
    progress = PlainProgress(Console(file=stream, width=80))
    progress.started(5)
    progress.finished()
    assert stream.getvalue() == "5 cells to probe\n"


def test_rich_is_not_imported_before_it_is_used() -> None:
    words = "import sys, lab.report.console, lab.report.progress, lab.report.junit; print('rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
