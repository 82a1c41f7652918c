"""``lab check`` of change files."""

from __future__ import annotations

import pytest

from tests.doors.project import Project

pytestmark = pytest.mark.kernel

CHANGE = """\
change: CHG-7
topology: small
old: {gateway: small-gateway}
new: {gateway: next}
intends:
  - {name: the trial, from: world, to: web-vip, service: tcp/8443, expect: allow}
holds: [small]
window: {admin: {from: world, to: web-vip, service: tcp/22}}
"""


def with_change(project: Project, text: str = CHANGE) -> Project:
    project.write("changes/CHG-7.yaml", text)
    project.write("policies/next.rules.j2", project.read("policies/small-gateway.rules.j2"))
    return project


def test_changes_are_checked_with_all_else_and_alone(project: Project) -> None:
    fine = "changes/CHG-7.yaml: 1 row (1 cell), 7 cells of small to hold, on topology small, policy for gateway: fine\n"
    with_change(project)
    assert project.lab("check").ended(0).out == (
        f"matrices/small.yaml: 7 cells on topology small, policy for gateway: fine\n{fine}"
    )
    assert project.lab("check", "changes").ended(0).out == fine
    assert project.lab("check", "changes/CHG-7.yaml").ended(0).out == fine
    assert fine not in project.lab("check", "matrices").ended(0).out


def test_all_that_is_wrong_is_told_at_once(project: Project) -> None:
    with_change(project, CHANGE.replace("from: world, to: web-vip, service: tcp/8443", "from: wrld, to: web, service: tcp/1"))
    project.edit("matrices/small.yaml", "rule: drop-icmp", "rle: drop-icmp")
    project.edit("changes/CHG-7.yaml", "from: world", "from: wold")
    project.edit("changes/CHG-7.yaml", "holds: [small]", "holds: []")
    told = project.lab("check").ended(2).err
    assert "matrices/small.yaml:28:5: unknown key 'rle'" in told
    assert "changes/CHG-7.yaml:6:29: there is no node or name 'wrld'" in told
    assert "changes/CHG-7.yaml:8:24: there is no node or name 'wold'" in told
    project.edit("changes/CHG-7.yaml", "new: {gateway: next}", "new: {gateway: nxt}")
    told = project.lab("check", "changes").ended(2).err
    assert "changes/CHG-7.yaml:4:16: there is no policy 'nxt'" in told


def test_a_twin_that_is_not_there(project: Project) -> None:
    with_change(project, CHANGE.replace("topology: small", "twin: snapshots/fw.json"))
    assert "changes/CHG-7.yaml:2:7: there is no file 'snapshots/fw.json'" in project.lab("check", "changes").ended(2).err
    project.write("snapshots/fw.json", "{}")
    assert "its words are read with the twin of snapshots/fw.json" in project.lab("check", "changes").ended(0).out
