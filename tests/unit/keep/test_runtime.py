"""The folder in which labs that are up are noted: whose it is, and how what is stale leaves it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.errors import InputError, MachineError
from lab.keep.entry import entries
from lab.keep.runtime import Claim, claimed, require_name, runtime_folder, tidy


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_RUNTIME_DIR", str(tmp_path / "labs"))
    return runtime_folder()


def names(root: Path) -> list[str]:
    return [folder.name for folder in claimed(root)]


def test_the_folder_is_this_users_alone(root: Path) -> None:
    assert root.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_may_read_is_refused(root: Path) -> None:
    root.chmod(0o755)
    with pytest.raises(MachineError, match="not this user's alone"):
        runtime_folder()


def test_a_link_in_its_place_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "labs").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setenv("LAB_RUNTIME_DIR", str(tmp_path / "labs"))
    with pytest.raises(MachineError, match="not this user's alone"):
        runtime_folder()


def test_the_runtime_folder_of_the_session_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert runtime_folder() == tmp_path / "netfilter-lab"


def test_a_lab_is_up_as_long_as_its_claim_lives(root: Path) -> None:
    claim = Claim(root, "edge")
    assert names(root) == ["edge"]
    claim.close()
    assert names(root) == []
    assert list(root.iterdir()) == []


def test_a_name_is_taken_once(root: Path) -> None:
    claim = Claim(root, "edge")
    with pytest.raises(InputError, match="edge is up already"):
        Claim(root, "edge")
    assert names(root) == ["edge"]
    assert [path.name for path in root.iterdir()] == ["edge"]
    claim.close()


def test_what_a_killed_process_was_making_is_removed(root: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    (root / f".{ended.stdout.strip()}.new").mkdir()
    (root / f".{os.getpid()}.new").mkdir()
    assert names(root) == []
    assert [path.name for path in root.iterdir()] == [f".{os.getpid()}.new"]


def test_the_last_one_takes_the_folder_along(root: Path) -> None:
    one, other = Claim(root, "one"), Claim(root, "other")
    one.close()
    tidy(root)
    assert names(root) == ["other"]
    other.close()
    tidy(root)
    assert not root.exists()


def test_who_looks_for_labs_leaves_no_folder_and_takes_none_from_who_makes_one(root: Path) -> None:
    assert entries() == ()
    assert not root.exists()
    assert names(root) == []
    claim = Claim(root, "one")  # whose folder was there when it was asked for
    assert entries() == ()  # it is being built
    assert names(root) == ["one"]
    claim.close()


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "-x", "x-", "a" * 41, "x\n", ".hidden"])
def test_what_cannot_be_a_name(name: str) -> None:
    with pytest.raises(InputError, match="cannot be the name of a lab"):
        require_name(name)
