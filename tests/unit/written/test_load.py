"""Where topologies and policies are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import Where
from lab.written.find_policy import resolve_policy
from lab.written.load import find_topology, load_matrix, load_topology, search_folders
from lab.written.shipped import shipped_root
from tests.unit.written.written import EXAMPLES, MATRIX, TOPOLOGY, assert_told


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_project_is_what_the_matrices_lie_in(elsewhere: Path) -> None:
    folders = search_folders(MATRIX)
    assert folders.topologies[0] == EXAMPLES / "topologies"
    assert folders.policies[0] == EXAMPLES / "policies"
    assert find_topology("edge", folders) == TOPOLOGY
    assert resolve_policy("edge-gateway", folders.policies).v4 == EXAMPLES / "policies" / "edge-gateway.rules.j2"


def test_a_matrix_deeper_in_the_folder_belongs_to_the_same_project(elsewhere: Path) -> None:
    folders = search_folders(EXAMPLES / "matrices" / "site" / "one.yaml")
    assert folders.topologies[0] == EXAMPLES / "topologies"


def test_then_the_working_folder_and_nothing_else(elsewhere: Path) -> None:
    folders = search_folders(MATRIX)
    assert [path.resolve() for path in folders.topologies[1:]] == [elsewhere.resolve() / "topologies"]


def test_then_what_is_shipped_where_that_is_asked_for(elsewhere: Path) -> None:
    folders = search_folders(MATRIX, shipped=True)
    assert [path.resolve() for path in folders.topologies[1:]] == [
        elsewhere.resolve() / "topologies", shipped_root() / "topologies",
    ]  # fmt: skip


def test_what_is_shipped_loads() -> None:
    root = shipped_root()
    files = sorted((root / "matrices").glob("*.yaml"))
    assert files
    for file in files:
        found = load_matrix(file)
        load_topology(find_topology(found.topology, search_folders(file)))


def test_a_topology_that_is_not_there(elsewhere: Path) -> None:
    folders = search_folders(MATRIX)
    where = Where("m.yaml", 4)
    assert_told(lambda: find_topology("egde", folders, where), 4, "no topology 'egde'", "did you mean 'edge'?")
    assert_told(lambda: find_topology("something else", folders, where), 4, "topologies there: ", "edge")
