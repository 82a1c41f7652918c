"""Recordings: as they are written, and as far as they can be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.keep import recorder as recording
from lab.keep.recorder import Recorder
from lab.record.cast import CastKind, read_cast, size_of


def recorded(folder: Path, recorder: Recorder) -> list[tuple[str, str]]:
    cast = read_cast("x", recorder.file.read_text().splitlines())
    assert cast is not None
    assert (cast.header.width, cast.header.height, cast.header.node, cast.header.title) == (80, 24, "gateway", "office gateway")
    return [(str(event.kind), event.text) for event in cast.events]


def test_what_is_recorded_is_there_at_once(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "casts", "office", "gateway", (24, 80), {"TERM": "xterm"})
    recorder.typed(b"ls\r")
    recorder.shown("\u00e4".encode()[:1])
    recorder.shown("\u00e4".encode()[1:] + b"\x1b[K")
    recorder.resized(50, 132)
    assert recorded(tmp_path, recorder) == [("i", "ls\r"), ("o", "\u00e4\x1b[K"), ("r", "132x50")]
    recorder.shown(b"\xff\xc3")
    recorder.close()
    assert recorded(tmp_path, recorder)[3:] == [("o", "\ufffd"), ("o", "\ufffd")]
    header = json.loads(recorder.file.read_text().splitlines()[0])
    assert (header["version"], header["env"]["TERM"], type(header["timestamp"])) == (2, "xterm", int)
    assert recorder.file.stat().st_mode & 0o777 == 0o600


def test_a_recording_that_is_full_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MOST", 400)
    recorder = Recorder(tmp_path, "office", "gateway", (24, 80), {})
    for _ in range(9):
        recorder.shown(b"x" * 50)
    assert recorded(tmp_path, recorder)[-1] == ("m", "the recording ends here: it is full")
    assert recorder.file.stat().st_size < 500
    recorder.close()


def test_what_cannot_be_written_is_told_and_holds_nothing_up(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    recorder = Recorder(tmp_path / "file", "office", "gateway", (24, 80), {})
    recorder.shown(b"x")
    recorder.close()
    assert recorder.trouble


@pytest.mark.parametrize("lines", [[], [""], ["[]"], ['{"version": 1}'], ["nonsense"], ["[" * 100_000]])
def test_what_is_no_recording(lines: list[str]) -> None:
    assert read_cast("x", lines) is None


def test_lines_that_cannot_be_read_are_passed_over() -> None:
    header = '{"version": 2, "width": "x", "timestamp": null, "env": 3}'
    lines = [header, '[1, "o", "a"]', '[2, "q", "b"]', '["x"]', '[3, "o", "c']
    cast = read_cast("x", lines)
    assert cast is not None
    assert [event.text for event in cast.events] == ["a"]
    assert (cast.header.width, cast.header.timestamp, cast.events[0].kind) == (80, 0.0, CastKind.SHOWN)


def test_sizes() -> None:
    assert (size_of("80x24"), size_of("80"), size_of("ax1"), size_of("")) == ((80, 24), None, None, None)
