"""Files of strangers, at both doors: a template that brings down what renders it, a link that leads out, a long number."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.doors.project import Project, run

pytestmark = pytest.mark.kernel

POLICY = "policies/small-gateway.rules.j2"
MATRIX = "matrices/small.yaml"
DEEP = (
    "{% set ns = namespace(x=()) %}{% for i in range(2) %}{% for i in range(100000) %}{% set ns.x = (ns.x,) %}"
    "{% endfor %}{% endfor %}{{ {ns.x: 1}['a'] }}"
)
WIDE = "# {% set a=['x']*1000 %}{% set b=[a]*1000 %}{% set c=[b]*1000 %}{% set d=[c]*1000 %}"
TEMPLATES = {
    "it crashes Python": (DEEP, "makes Python itself fail"),
    "a bomb that is printed": (WIDE + "{{ d }}", "writes a list as text"),
}


@pytest.mark.parametrize(("text", "words"), TEMPLATES.values(), ids=TEMPLATES.keys())
def test_a_deadly_template(project: Project, text: str, words: str) -> None:
    project.write(POLICY, project.read(POLICY) + text + "\n")
    told = project.lab("check").ended(2).told
    assert POLICY in told
    assert words in told


def test_a_deadly_template_in_a_worker_of_pytest(project: Project) -> None:
    project.write(POLICY, project.read(POLICY) + DEEP + "\n")
    done = run([sys.executable, "-m", "pytest", "matrices", "-n", "1", "-p", "no:cacheprovider"], project.folder)
    assert "makes Python itself fail" in done.told
    assert "Traceback" not in done.told


@pytest.mark.parametrize("name", [MATRIX, "topologies/small.yaml"])
def test_a_link_to_a_file_of_the_machine(project: Project, tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    secret = tmp_path_factory.mktemp("elsewhere") / "secret"
    secret.write_text("root:$6$salt$hash:19000:0:99999:7:::\n")
    Path(project.folder / name).unlink()
    Path(project.folder / name).symlink_to(secret)
    told = project.lab("check").ended(2).told
    assert "is a link that leads out of" in told
    assert "$6$" not in told


def test_a_long_number(project: Project) -> None:
    project.edit(MATRIX, "name: no shell", f"name: 0x{'f' * 4096}")
    told = project.lab("check").ended(2).told
    assert "is a number of 4,098 digits" in told
    assert len(told) < 400
