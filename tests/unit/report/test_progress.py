from __future__ import annotations

import io
import subprocess
import sys
from types import SimpleNamespace

import pytest
from rich.console import Console

from lab.record.progress import Progress
from lab.report import pace
from lab.report.progress import LiveProgress, PlainProgress, SlowProgress, progress_for
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


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What a clock shows: the last of these."""
    shown = [100.0]
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: shown[-1]))
    return shown


def test_a_log_has_a_line_now_and_then_where_it_is_slow(clock: list[float]) -> None:
    stream = io.StringIO()
    for kind in (SlowProgress, PlainProgress):
        began, progress = clock[-1], kind(Console(file=stream, width=80))
        progress.started(600)
        progress.cell(make.cell())
        for seconds in (0, 9.9, 10, 11, 19.9, 20.1):
            clock.append(began + seconds)
            progress.asking("edge::all[a->b tcp/1-65535]", 3, int(seconds * 100), 65_535)
        progress.asking("edge::web[a->b tcp/443]", 4, 0, 1)
        clock.append(began + 40)
        progress.asking("edge::web[a->b tcp/443]", 5, 0, 1)
        progress.finished()
    slow = [
        "4 of 600 cells, 10 s; now edge::all[a->b tcp/1-65535]: 1,000 of 65,535 ports",
        "4 of 600 cells, 20 s; now edge::all[a->b tcp/1-65535]: 2,010 of 65,535 ports",
        "6 of 600 cells, 40 s; now edge::web[a->b tcp/443]",
    ]
    assert stream.getvalue().splitlines() == [*slow, "600 cells to probe", *slow, "web-edge: 1 cell, 1 passed"]


def test_a_terminal_names_the_cell_that_is_slow(clock: list[float]) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120, _environ={"TERM": "xterm"})
    progress = LiveProgress(console)
    progress.started(2)
    shown = []
    for seconds, done in ((0.2, 0), (0.3, 10), (1.9, 6_553)):
        clock.append(100 + seconds)
        progress.asking("edge::all[a->b tcp/1-65535]", 1, done, 65_535)
        shown.append(progress._bar.tasks[0].description)
    assert progress._bar.tasks[0].completed == 1
    progress.finished()
    assert shown == ["edge", "edge", "edge::all[a->b tcp/1-65535]: 6,553 of 65,535 ports"]


def test_beside_a_report_nothing_quick_is_told() -> None:
    stream = io.StringIO()
    play(progress_for(Console(file=stream, force_terminal=False), beside=True))
    assert stream.getvalue() == ""


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
