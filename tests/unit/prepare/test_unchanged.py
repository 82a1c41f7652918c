"""When the policies of a revision are those of the work tree, byte for byte."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from lab.prepare.revision import same_files
from lab.prepare.sides import Unchanged, unchanged_in
from lab.written.shipped import shipped_root


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders with the same in them."""
    for name in ("one", "other"):
        below = tmp_path / name / "parts"
        below.mkdir(parents=True)
        (below.parent / "gateway.rules.j2").write_bytes(b"*filter\r\nCOMMIT\r\n")
        (below / "vars.yaml").write_text("port: 22\n")
    return tmp_path / "one", tmp_path / "other"


def test_the_same(folders: tuple[Path, Path]) -> None:
    (folders[0] / "empty").mkdir()  # git keeps none
    assert same_files(*folders)


def test_a_byte_that_differs(folders: tuple[Path, Path]) -> None:
    (folders[1] / "parts/vars.yaml").write_text("port: 23\n")
    assert not same_files(*folders)


@pytest.mark.parametrize("turned", [False, True])
def test_a_file_that_only_one_has(folders: tuple[Path, Path], *, turned: bool) -> None:
    one, other = reversed(folders) if turned else folders
    (one / "parts/more.rules").write_text("")
    assert not same_files(one, other)


def test_line_ends_and_names(folders: tuple[Path, Path]) -> None:
    (folders[1] / "gateway.rules.j2").write_bytes(b"*filter\nCOMMIT\n")
    assert not same_files(*folders)


@pytest.mark.parametrize("turned", [False, True])
def test_a_link_is_never_what_git_has(folders: tuple[Path, Path], *, turned: bool) -> None:
    """What it leads to may lie outside."""
    one, other = reversed(folders) if turned else folders
    (one / "parts/vars.yaml").rename(one / "vars.yaml")
    (other / "parts/vars.yaml").rename(other / "vars.yaml")
    (one / "parts/vars.yaml").symlink_to("../vars.yaml")
    (other / "parts/vars.yaml").write_text("port: 22\n")
    assert not same_files(one, other)


def test_a_pipe_is_not_read(folders: tuple[Path, Path]) -> None:
    os.mkfifo(folders[0] / "pipe.rules")
    os.mkfifo(folders[1] / "pipe.rules")
    assert not same_files(*folders)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    assert same_files(tmp_path / "one", tmp_path / "none"), "git keeps no empty folder"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of a single matrix, in which one works."""
    for kind, name in (("topologies", "service-host.yaml"), ("matrices", "service-host.yaml")):
        (tmp_path / kind).mkdir()
        shutil.copy(shipped_root() / kind / name, tmp_path / kind)
    shutil.copytree(shipped_root() / "policies", tmp_path / "policies")
    monkeypatch.chdir(tmp_path)
    return tmp_path


MATRIX = Path("matrices/service-host.yaml")


def test_policies_that_need_not_be_rendered(project: Path) -> None:
    assert unchanged_in(MATRIX) == [Unchanged("host", "service-host")]
    (project / "other/matrices").mkdir(parents=True)
    shutil.copy(MATRIX, project / "other" / MATRIX)
    assert unchanged_in(project / "other" / MATRIX) is None, "its policies could lie in its own folder"


def test_what_a_command_renders_may_differ_although_no_file_does(project: Path) -> None:
    written = re.sub("(?m)^  host: .*$", "  host: {render: [cat, gateway.rules]}", MATRIX.read_text(), count=1)
    MATRIX.write_text(written)
    assert unchanged_in(MATRIX) is None
