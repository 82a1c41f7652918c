"""What is named and is no file that can be read is told as such, wherever it is named, and is the fault of who named it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.cli.files import matrix_file, matrix_files
from lab.errors import InputError
from lab.written.find_policy import resolve_given, resolve_policy
from lab.written.load import Folders, find_topology, load_matrix

LONG = "a" * 300


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for kind in ("policies", "topologies"):
        (tmp_path / kind).mkdir()
    for name in ("policies/pipe.rules", "policies/half.nft", "topologies/pipe.yaml"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "policies" / "half.rules").write_text("")
    (tmp_path / "policies" / "fw4.nft").write_text("")
    return tmp_path


def told(value: str, folder: Path) -> str:
    with pytest.raises(InputError) as error:
        resolve_given("gateway", value, [folder])
    return str(error.value)


@pytest.mark.parametrize("named", ["pipe", "policies/pipe.rules", "/dev/null"])
def test_a_pipe_or_a_device_is_no_policy(named: str, project: Path) -> None:
    folder = project / "policies"
    value = named if "/" not in named else str(project / named)
    file = folder / "pipe.rules" if "pipe" in named else named
    assert told(value, folder) == f"{file} is not an ordinary file\n    put the file itself in its place"


def test_a_policy_has_a_file_beside_a_pipe(project: Path) -> None:
    assert resolve_policy("half", [project / "policies"]).files() == {"v4": project / "policies" / "half.rules"}


def test_a_pipe_is_no_topology(project: Path) -> None:
    with pytest.raises(InputError, match=r"pipe\.yaml is not an ordinary file"):
        find_topology("pipe", Folders((project / "topologies",), ()))


@pytest.mark.parametrize(
    ("file", "hint"),
    [
        ("halve.rules", "did you mean 'half.rules'?"),
        (f"{LONG}/halve.rules", "did you mean 'half.rules'?"),
        ("quite-another/one", "rulesets in policies: fw4.nft, half.nft, half.rules, pipe.rules"),
    ],
)
def test_a_file_without_its_folder(file: str, hint: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    looked = f"{file}, policies/{file}"
    assert told(file, Path("policies")) == f"there is no policy file '{file}': looked for {looked}\n    {hint}"


def test_a_name_that_no_file_can_have_is_wrong_input(project: Path) -> None:
    folder = project / "policies"
    assert "there is no policy 'aaa" in told(LONG, folder)
    assert "there is no policy file 'aaa" in told(f"{LONG}.rules", folder)
    with pytest.raises(InputError, match="there is no topology 'aaa"):
        find_topology(LONG, Folders((project / "topologies",), ()))
    assert [matrix_file(Path(LONG), shipped=shipped) for shipped in (True, False)] == [Path(LONG)] * 2
    assert matrix_files([Path(LONG)]) == [Path(LONG)]
    with pytest.raises(InputError, match="File name too long"):
        load_matrix(Path(LONG))
