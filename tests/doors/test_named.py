"""What is shipped is taken only where it is named: a wrong folder, or a matrix that lost its topology, is never green."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.doors.project import LAB, Project, run
from tests.doors.shipped import MATRICES

pytestmark = pytest.mark.kernel

MATRIX = "matrices/small.yaml"
COMMANDS = (["run"], ["check"], ["exposure"], ["trace", "world", "web-vip", "tcp/443"], ["sweep", "world", "web-vip"])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_folder_without_matrices(tmp_path: Path, command: Sequence[str]) -> None:
    told = run([LAB, *command], tmp_path).ended(2)
    assert told.out == ""
    assert f"{tmp_path} has no folder matrices/" in told.err
    assert "`lab init`" in told.err
    assert "--shipped" in told.err


@pytest.mark.parametrize("command", ["run", "check", "exposure"])
def test_a_folder_of_matrices_without_any(tmp_path: Path, command: str) -> None:
    (tmp_path / "matrices").mkdir()
    assert "matrices holds no matrix" in run([LAB, command], tmp_path).ended(2).err


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("topology: small", "topology: edge", ("there is no topology 'edge'", "edge is among what is shipped")),
        ("gateway: small-gateway", "gateway: edge-gateway", ("there is no policy 'edge-gateway'", "--shipped")),
        ("gateway: small-gateway", "gateway: {v4: mail-gateway.rules.j2}", ("no file 'mail-gateway.rules.j2'", "--shipped")),
    ],
)  # fmt: skip
def test_what_a_matrix_names_and_the_project_lacks(
    project: Project, command: str, old: str, new: str, words: Sequence[str]
) -> None:
    project.edit(MATRIX, old, new)
    told = project.lab(command).ended(2).err
    assert [word for word in words if word not in told] == [], told


def test_what_is_shipped_where_it_is_named(tmp_path: Path) -> None:
    assert run([LAB, "check", "--shipped"], tmp_path).ended(0).out.count(": fine") == len(MATRICES)
    chosen = ("--shipped", "service-host", "-k", "tcp/22] and not nothing")
    last = run([LAB, "run", *chosen], tmp_path).ended(0).out.splitlines()[-1]
    assert " passed; " in last
    asked = ["world", "web-vip", "tcp/443", "--shipped", "--matrix", "web-edge-gateway"]
    assert "(publish-web)" in run([LAB, "trace", *asked], tmp_path).ended(0).out


def test_a_matrix_of_the_users_own_on_what_is_shipped(project: Project) -> None:
    project.edit(MATRIX, "topology: small", "topology: edge")
    project.edit(MATRIX, "gateway: small-gateway", "gateway: edge-gateway")
    assert "on topology edge, policy for gateway: fine" in project.lab("check", "--shipped").ended(0).out


def test_a_shipped_matrix_finds_its_own(project: Project) -> None:
    run([LAB, "init", str(project.folder / "laid-out")], project.folder).ended(0)
    told = project.lab("check", "laid-out/matrices/service-host.yaml").ended(0).out
    assert "on topology service-host, policy for " in told
