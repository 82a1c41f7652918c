"""A file is written whole or not at all, whatever its path is."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lab.errors import InputError, MachineError
from lab.report.file import check_writable, write_file

WRITES = "import sys; from pathlib import Path; from lab.report.file import write_file; print('before', flush=True); "
TO_STDOUT = WRITES + "write_file(Path(sys.argv[1]), 'report\\n'); print('after')"


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    file = tmp_path / "report"
    file.write_text("yesterday")
    file.chmod(0o640)
    with file.open() as held:
        write_file(file, "today")
        assert held.read() == "yesterday"
    assert file.read_text() == "today"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert names(tmp_path) == ["report"]


def test_what_cannot_be_written_whole_leaves_what_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report"
    file.write_text("yesterday")

    def full(descriptor: int, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(MachineError, match="No space left"):
        write_file(file, "today")
    assert file.read_text() == "yesterday"
    assert names(tmp_path) == ["report"]


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_what_it_names_is_written(tmp_path: Path, there: bool) -> None:
    target, link = tmp_path / "elsewhere" / "report", tmp_path / "link"
    target.parent.mkdir()
    if there:
        target.write_text("yesterday")
    link.symlink_to(target)
    write_file(link, "today")
    assert link.is_symlink()
    assert target.read_text() == "today"


def test_a_check_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "report"
    file.write_text("yesterday")
    check_writable(file)
    check_writable(tmp_path / "new")
    assert names(tmp_path) == ["report"]
    assert file.read_text() == "yesterday"


@pytest.mark.parametrize("name", [".", "file/below", "x" * 300])
def test_a_path_that_cannot_be_written_is_told_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    for act in (check_writable, lambda path: write_file(path, "today")):
        with pytest.raises(InputError, match="cannot be written"):
            act(tmp_path / name)


def test_a_pipe_is_written_to_once_and_never_opened_before(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    check_writable(pipe)  # would wait for a reader, and end what that reads
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_file(pipe, "today")
    reader.join(10)
    assert read == ["today"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1", "out"])
def test_standard_output_is_not_opened_anew(tmp_path: Path, path: str) -> None:
    with (tmp_path / "out").open("w") as out:
        subprocess.run([sys.executable, "-c", TO_STDOUT, path], cwd=tmp_path, stdout=out, check=True)
    assert (tmp_path / "out").read_text() == "before\nreport\nafter\n"
    assert names(tmp_path) == ["out"]
