"""What nobody foresaw ends every command with 3 and one sentence, and never with a traceback; nothing printed is a command."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.doors.project import Project

pytestmark = pytest.mark.kernel

POLICY = "policies/small-gateway.rules.j2"
MATRIX = "matrices/small.yaml"
BROKEN = """
def broken(*_, **__): raise {1}
import {2}
{2}.{0} = broken
"""
COMMANDS = [
    (("run",), "expand_file", "lab.prepare.plans", "RecursionError('deep')"),
    (("check",), "expand_file", "lab.prepare.plans", "MemoryError"),
    (("trace", "world", "web", "tcp/1"), "find_scene", "lab.prepare.scene", "UnicodeDecodeError('utf-8', b'x', 0, 1, 'bad')"),
    (("sweep", "world", "web", "tcp/1"), "find_scene", "lab.prepare.scene", "KeyError('x')"),
    (("exposure",), "expand_file", "lab.prepare.plans", "ValueError('4300 digits')"),
    (("doctor",), "examine", "lab.kernel.doctor", "TypeError('none')"),
    (("schema", "result"), "result_schema", "lab.report.wire.schema", "AssertionError"),
    (("init", "new"), "shipped_root", "lab.written.shipped", "ZeroDivisionError"),
    (("bench", "--quick"), "groups", "lab.bench.measure", "StopIteration"),
]
SENTENCE = "this is a fault of netfilter-lab, not of your files; LAB_TRACEBACK=1 shows where it comes from"
PLAN_OF_SECOND_FAILS = """
from lab.prepare import plans
expand_file = plans.expand_file
def fail(file, choices, templates=None):
    if file.stem == "second":
        raise RecursionError("deep")
    return expand_file(file, choices, templates)
plans.expand_file = fail
"""
STOPPED_IN_CELL_3 = """
import os, signal
import pytest
from lab.run import matrix_run
way_of, asked = matrix_run.way_of, []
def stop(one, asker):
    asked.append(one)
    if len(asked) == 3:
        os.kill(os.getpid(), signal.SIGTERM)
    if len(asked) == 2:
        raise RecursionError("deep")
    return way_of(one, asker)
matrix_run.way_of = stop
pytest.main(["-p", "no:cacheprovider", "-n", "0", "matrices", "--junit-xml", "r.xml"])
"""
EVIL = "##[add-mask]x ##vso[task.complete]y section_start:1:z"

ROW = "section_start:1:z"


@pytest.mark.parametrize(("command", "name", "module", "error"), COMMANDS, ids=lambda value: str(value[0]))
def test_no_traceback_of_any_command(project: Project, command: Sequence[str], name: str, module: str, error: str) -> None:
    done = project.lab_with(BROKEN.format(name, error, module), *command).ended(3)
    assert f"unforeseen {error.partition('(')[0]}" in done.err.splitlines()[-2]
    assert done.err.splitlines()[-1].strip() == SENTENCE


def test_the_traceback_is_there_for_who_asks(project: Project) -> None:
    code = "import os\nos.environ['LAB_TRACEBACK'] = '1'\n" + BROKEN.format("expand_file", "MemoryError", "lab.prepare.plans")
    assert "Traceback" in project.lab_with(code, "check").err


def test_what_one_file_brings_out_leaves_the_others(project: Project) -> None:
    project.write("matrices/second.yaml", project.read(MATRIX).replace("matrix: small", "matrix: second"))
    project.lab_with(PLAN_OF_SECOND_FAILS, "run", "--json", "r.json").ended(3)
    said = json.loads(project.read("r.json"))
    assert said["summary"]["passed"] == 7
    assert "matrices/second.yaml: unforeseen RecursionError: deep" in said["problems"][0]


def test_pytest_tells_it_in_words_and_sigterm_leaves_its_file(project: Project) -> None:
    done = project.lab_with(STOPPED_IN_CELL_3)
    assert "Traceback" not in done.told
    names = [case.get("name") for case in ElementTree.parse(project.folder / "r.xml").iter("testcase")]
    assert names[0] == "public web[world->web-vip tcp/443]"
    assert len(names) == 2, "pytest keeps an element for the item that was under way"


def test_nothing_that_is_printed_is_a_command(project: Project) -> None:
    project.edit(POLICY, '"refuse-ssh" -j REJECT --reject-with tcp-reset', f'"{EVIL}" -j ACCEPT')
    project.edit(MATRIX, "name: no shell", f"name: {json.dumps(ROW)}")
    evil = project.folder / f"matrices/{EVIL.replace('/', '_')}.yaml"
    (project.folder / MATRIX).rename(evil)
    reports = ("--json", "r.json", "--junit", "r.xml", "--markdown", "r.md", "--annotations", "r.txt")
    told = project.lab("run", "-v", *reports).ended(1).told
    told += project.lab("check", "--policy", f"{EVIL}=x", "--policy", EVIL + "x" * 100_000).ended(2).told
    told += project.lab("trace", "world", "web-vip", "tcp/22").told
    told += project.lab("sweep", "world", "web-vip", "tcp/22").told
    _harmless(told)
    for name in ("r.json", "r.xml", "r.md", "r.txt"):
        _harmless(project.read(name))
    assert "characters more)" in told
    cells = json.loads(project.read("r.json"))["cells"]
    assert ROW in {cell["row"] for cell in cells}


def test_nothing_that_pytest_prints_of_a_rule_is_a_command(project: Project) -> None:
    project.edit(POLICY, '"refuse-ssh" -j REJECT --reject-with tcp-reset', f'"{EVIL}" -j ACCEPT')
    told = project.lab("pytest", "matrices", "-n", "0", "-p", "no:cacheprovider", "--junit-xml", "r.xml").ended(1).told
    assert r"\x23\x23[add-mask]x" in told
    _harmless(told)
    _harmless(project.read("r.xml"))


def _harmless(text: str) -> None:
    for word in ("##[", "##vso[", "section_start:"):
        where = text.find(word)
        assert where < 0, text[max(0, where - 200) : where + 100]


def test_a_file_name_is_no_command(project: Project, tmp_path: Path) -> None:
    name = "::error file=a::b"
    told = project.lab("run", f"{name}\n{name}.yaml").ended(2).told
    assert not [line for line in told.splitlines() if line.strip().startswith("::error")]
