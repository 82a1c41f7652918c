"""Text of files is shown, never obeyed: not by a terminal, not by Markdown, XML, JSON or a CI's log."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.doors.project import DEADLINE_S, LAB, Project
from tests.unit.report.rendered import rendered

pytestmark = pytest.mark.kernel

POLICY = "policies/small-gateway.rules.j2"
MATRIX = "matrices/small.yaml"
ESCAPE = "\x1b"
COMMENT = f"[red]{ESCAPE}[31m<img src=x> ]]> | `x` ::error::x"
PREFIX = "[bold]%0A::error::y</pre><b>"
ROW = "(row) <script>alert(1)</script> | ::error::z &lt;"


@pytest.fixture
def hostile(project: Project) -> Project:
    """A project whose row, rule comment, log prefix and policy variable try to be more than text; one row fails."""
    project.edit(POLICY, '"refuse-ssh" -j REJECT --reject-with tcp-reset', f'"{COMMENT}" -j DROP')
    logging = f'-A INPUT -p icmp -j LOG --log-prefix "{PREFIX}"'
    project.edit(POLICY, "-A INPUT -p icmp -m comment", f"{logging}\n-A INPUT -p icmp -m comment")
    project.edit(MATRIX, "name: no shell", f"name: {json.dumps(ROW)}")
    project.edit(MATRIX, "    rule: refuse-ssh\n", "")
    project.edit(MATRIX, "    rule: drop-icmp\n", '    rule: drop-icmp\n    logged: "another prefix"\n')
    return project


def test_a_pipe_gets_no_escape_sequence(hostile: Project) -> None:
    done = hostile.lab("run", "-v").ended(1)
    assert not [char for char in done.told if not char.isprintable() and char != "\n"]
    assert "[red]\\x1b[31m<img src=x> ]]> | `x` ::error::x" in done.out
    assert ROW in done.out
    assert PREFIX in done.out


def test_a_terminal_gets_no_escape_sequence_of_a_file(hostile: Project) -> None:
    shown = _on_a_terminal(hostile.folder, LAB, "run")
    assert ESCAPE in shown, "a terminal is shown colours"
    assert f"{ESCAPE}[31m<img" not in shown
    assert "[red]\\x1b[31m<img src=x>" in shown
    assert "(row) <script>" in shown


def test_no_line_of_the_output_is_a_workflow_command(hostile: Project) -> None:
    done = hostile.lab("run", "-v", "--annotations", "annotations.txt").ended(1)
    assert not [line for line in done.out.splitlines() if line.strip().startswith("::")]
    lines = hostile.read("annotations.txt").splitlines()
    assert len(lines) == 2
    assert all(line.startswith("::error file=") and line.count("::error ") == 1 for line in lines)
    assert ESCAPE not in "".join(lines)
    assert "[bold]%250A" in "".join(lines)


def test_markdown_shows_markup_as_text(hostile: Project) -> None:
    hostile.lab("run", "--markdown", "lab.md").ended(1)
    text = hostile.read("lab.md")
    assert ESCAPE not in text
    page = rendered(text)
    assert page.tags <= {"h2", "h3", "p", "ul", "li", "strong", "code", "pre", "br", "details", "summary"}
    assert page.attributes == []
    assert page.active() == []
    shown = " ".join(page.text.split())
    assert " ".join(ROW.split()) in shown
    assert "[red]\\x1b[31m<img src=x> ]]> | `x` ::error::x" in shown
    assert PREFIX in shown


def test_junit_is_xml_that_holds_the_text(hostile: Project) -> None:
    hostile.lab("run", "--junit", "lab.xml").ended(1)
    root = ElementTree.parse(hostile.folder / "lab.xml").getroot()
    case = next(case for case in root.iter("testcase") if case.find("failure") is not None)
    assert case.get("name") == f"{ROW}[world->web-vip tcp/22]"
    text = "".join(case.itertext())
    assert "[red]\\x1b[31m<img src=x> ]]> |" in text


def test_json_holds_the_text_as_it_is(hostile: Project) -> None:
    cell = next(cell for cell in hostile.results()["cells"] if cell["row"] == ROW)
    assert cell["rule"]["comment"] == COMMENT


@pytest.mark.parametrize("file", [POLICY, MATRIX])
def test_a_message_about_a_file_obeys_nothing_of_it(project: Project, file: str) -> None:
    project.edit(MATRIX, "expect: allow", f"expect: {json.dumps('[red]' + ESCAPE + '[31m')}")
    told = project.lab("run").ended(2).told
    assert ESCAPE not in told
    assert f"{MATRIX}:11" in told


def _on_a_terminal(folder: Path, *command: str) -> str:
    """What a command shows on a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "300"}
    with subprocess.Popen(command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline and select.select([ours], [], [], DEADLINE_S)[0]:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # the other side was closed: the command has ended
                break
        process.kill()
    os.close(ours)
    return shown.decode()
