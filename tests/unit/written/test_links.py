"""A link that leads out of the project is refused without a word of what it leads to; so is what is no file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.errors import InputError
from lab.prepare.plan import Choices, make_plan
from lab.written.load import load_matrix, load_topology

SECRET = "root:$6$salt$hash:19000:0:99999:7:::\n"
TOPOLOGY = """\
topology: one
networks: {lan: 203.0.113.0/24}
nodes:
  gateway: {role: gateway, interfaces: {lan: 203.0.113.1}}
  desk: {role: client, interfaces: {lan: 203.0.113.9}}
"""
MATRIX = """\
matrix: one
for: gateway
topology: one
policies: {gateway: POLICY}
flows:
  - {name: shut, from: desk, to: gateway, service: tcp/22, expect: drop}
"""
RULES = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project, beside which lies a file that is none of its business."""
    (tmp_path / "secret").write_text(SECRET)
    folder = tmp_path / "project"
    matrix = MATRIX.replace("POLICY", "edge")
    files = {"topologies/one.yaml": TOPOLOGY, "matrices/one.yaml": matrix, "policies/edge.rules": RULES}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def refused(attempt: Callable[[], object], words: str) -> str:
    with pytest.raises(InputError) as error:
        attempt()
    told = str(error.value)
    assert words in told
    assert "$6$" not in told
    return told


def replaced(path: Path, target: Path) -> None:
    path.unlink()
    path.symlink_to(target)


def plan(project: Path) -> object:
    return make_plan(project / "matrices/one.yaml", Choices())


def test_the_project_is_fine(project: Path) -> None:
    assert plan(project)


@pytest.mark.parametrize("name", ["topologies/one.yaml", "matrices/one.yaml", "policies/edge.rules"])
def test_a_link_out_of_the_project(project: Path, name: str) -> None:
    replaced(project / name, project.parent / "secret")
    refused(lambda: plan(project), "is a link that leads out of")


def test_a_link_to_itself(project: Path) -> None:
    replaced(project / "matrices/one.yaml", project / "matrices/one.yaml")
    refused(lambda: plan(project), "matrices/one.yaml: cannot be read: Too many levels of symbolic links")


@pytest.mark.parametrize("name", ["topologies", "matrices", "policies"])
def test_a_folder_that_is_a_link_out_of_the_project(project: Path, name: str) -> None:
    (project / name).rename(project.parent / name)
    (project / name).symlink_to(project.parent / name)
    refused(lambda: plan(project), "is a link that leads out of")


def test_a_link_within_the_project(project: Path) -> None:
    (project / "shared").mkdir()
    (project / "topologies/one.yaml").rename(project / "shared/one.yaml")
    (project / "topologies/one.yaml").symlink_to("../shared/one.yaml")
    assert plan(project)


def test_a_project_that_is_reached_by_a_link(project: Path) -> None:
    (project.parent / "elsewhere").symlink_to(project)
    assert plan(project.parent / "elsewhere")


def test_a_topology_by_a_name_that_leads_out(project: Path) -> None:
    (project.parent / "outside.yaml").write_text(SECRET)
    text = (project / "matrices/one.yaml").read_text()
    (project / "matrices/one.yaml").write_text(text.replace("topology: one", 'topology: "../../outside"'))
    told = refused(lambda: plan(project), "leads out of the topologies folder")
    assert "matrices/one.yaml:3" in told


@pytest.mark.parametrize("name", ["../../secret", "link", "/etc/hostname"])
def test_variables_from_outside(project: Path, name: str) -> None:
    (project / "policies/link").symlink_to("../../secret")
    (project / "policies/edge.rules.j2").write_text(RULES)
    policy = f'{{v4: edge.rules.j2, vars: ["{name}"]}}'
    (project / "matrices/one.yaml").write_text(MATRIX.replace("POLICY", policy))
    refused(lambda: plan(project), "out of")


@pytest.mark.parametrize("statement", ["{% include 'link' %}", "{% import 'link' as x %}", "{% include '../../secret' %}"])
def test_a_template_from_outside(project: Path, statement: str) -> None:
    (project / "policies/link").symlink_to("../../secret")
    (project / "policies/edge.rules").rename(project / "policies/edge.rules.j2")
    (project / "policies/edge.rules.j2").write_text(RULES + statement)
    told = refused(lambda: plan(project), "outside the policy's folder")
    assert "policies/edge.rules.j2:4" in told


@pytest.mark.parametrize("load", [load_topology, load_matrix])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, load: Callable[[Path], object]) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    refused(lambda: load(tmp_path / "pipe.yaml"), "is not an ordinary file")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    refused(lambda: load(tmp_path / "zero.yaml"), "link that leads out of")
    (tmp_path / "self.yaml").symlink_to("self.yaml")
    refused(lambda: load(tmp_path / "self.yaml"), "cannot be read")


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.yaml").open("wb") as huge:
        huge.truncate(1 << 40)
    refused(lambda: load_topology(tmp_path / "huge.yaml"), "larger than 8 MiB")
