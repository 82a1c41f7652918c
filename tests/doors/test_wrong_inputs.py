"""Whatever a user writes wrongly ends in one clear message with its place, the right exit code and no traceback."""

from __future__ import annotations

import stat
from collections.abc import Sequence

import pytest

from tests.doors.project import Nobody, Project

pytestmark = pytest.mark.kernel

POLICY = "policies/small-gateway.rules.j2"
MATRIX = "matrices/small.yaml"
TOPOLOGY = "topologies/small.yaml"
BOMB = "matrix: bomb\na: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{here}: &{here} [{', '.join([f'*{before}'] * 9)}]\n" for before, here in zip("abcdefgh", "bcdefghi", strict=True)
)

# old text in a file, new text, and what the message must say of it
EDITS = [
    (MATRIX, "    expect: allow\n", "    expect: allow\n    expects: allow\n", (f"{MATRIX}:12", "expects", "expect")),
    (MATRIX, "    expect: allow\n", "", (f"{MATRIX}:7", "expect")),
    (MATRIX, "from: role:internet", "from: role:interet", (f"{MATRIX}:31", "interet", "internet")),
    (MATRIX, "service: tcp/443", "service: tcp/4430000", (f"{MATRIX}:10", "4430000")),
    (MATRIX, "service: tcp/443", "service: 22:30", (f"{MATRIX}:10", "22:30")),
    (MATRIX, "name: no echo", "name: no shell", (f"{MATRIX}:23", "no shell")),
    (MATRIX, "topology: small", "topology: smal", (f"{MATRIX}:4", "'smal'", "small")),
    (MATRIX, "gateway: small-gateway", "gateway: big-gateway", (f"{MATRIX}:5", "big-gateway", "did you mean")),
    (MATRIX, "{gateway: small-gateway}", "{gatewy: small-gateway}", (f"{MATRIX}:5", "gatewy", "gateway")),
    (MATRIX, "expect: allow", "expect: [allow", (f"{MATRIX}:",)),
    (TOPOLOGY, "wan: 198.51.100.1,", "wan: 198.51.101.1,", (f"{TOPOLOGY}:10", "198.51.101.1", "198.51.100.0/24")),
    (TOPOLOGY, "dmz: 10.0.2.0/24", "dmz: 198.51.100.128/25", (f"{TOPOLOGY}:5", "overlap")),
    (POLICY, "{{ web }}:8443", "{{ wbe }}:8443", (f"{POLICY}:4", "wbe")),
    (POLICY, '{% set web = "10.0.2.10" %}', "{% set web = %}", (f"{POLICY}:1",)),
    (POLICY, "-j REJECT --reject-with tcp-reset", "-j REJECT --reject-with a-word", (f"{POLICY}:12", "a-word")),
    (POLICY, "-d {{ web }} -p tcp", "-d not-an-address. -p tcp", (f"{POLICY}:11", "not-an-address")),
    (POLICY, "*filter", "*filler", (f"{POLICY}:6", "filler")),
]


@pytest.mark.parametrize(("file", "old", "new", "words"), EDITS, ids=[edit[2].strip()[:32] for edit in EDITS])
def test_a_wrong_file(project: Project, file: str, old: str, new: str, words: Sequence[str]) -> None:
    project.edit(file, old, new)
    told = project.lab("run").ended(2).told
    assert [word for word in words if word not in told] == [], told


def test_all_problems_are_told_at_once(project: Project) -> None:
    project.edit(MATRIX, "expect: allow", "expect: alow")
    project.edit(MATRIX, "service: tcp/22", "sevice: tcp/22")
    told = project.lab("run").ended(2).err
    assert f"{MATRIX}:11" in told
    assert f"{MATRIX}:19:5: unknown key 'sevice'" in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["matrices/none.yaml"], ("matrices/none.yaml", "there is no")),
        (["empty"], ("empty holds no matrix", "lab init")),
        (["binary.yaml"], ("binary.yaml",)),
        (["bomb.yaml"], ("bomb.yaml",)),
        (["scalar.yaml"], ("scalar.yaml",)),
        (["nothing.yaml"], ("nothing.yaml",)),
        ([TOPOLOGY], (TOPOLOGY,)),
        (["--policy", "gatway=" + POLICY], ("gatway", "gateway")),
        (["--policy", "gateway=none.rules"], ("none.rules",)),
        (["--policy", "gateway"], ("NODE=FILE",)),
        (["--topology", "large"], ("'large'", "small")),
        (["-k", "web and"], ("'web and'", "is not an expression")),
        (["-k", "nowhere"], ("'nowhere'", "selects no cell")),
        (["--json", "empty"], ("empty cannot be written",)),
        (["--junit", "nothing.yaml/x"], ("nothing.yaml/x cannot be written",)),
        (["--no-such-option"], ("--no-such-option",)),
    ],
    ids=" ".join,
)
def test_wrong_arguments(project: Project, arguments: Sequence[str], words: Sequence[str]) -> None:
    (project.folder / "empty").mkdir()
    (project.folder / "binary.yaml").write_bytes(bytes(range(256)) * 16)
    project.write("bomb.yaml", BOMB)
    project.write("scalar.yaml", "matrix\n")
    project.write("nothing.yaml", "")
    told = project.lab("run", *arguments).ended(2).told
    assert [word for word in words if word not in told] == [], told
    assert "passed" not in told


def test_a_file_that_may_not_be_read(open_project: Project, nobody: Nobody) -> None:
    (open_project.folder / MATRIX).chmod(stat.S_IRUSR | stat.S_IWUSR)
    done = nobody.lab("run", MATRIX).ended(2)
    assert f"'{MATRIX}' is not readable" in done.err


def test_reports_are_refused_before_anything_is_sent(open_project: Project, nobody: Nobody) -> None:
    open_project.write("closed/there", "")
    (open_project.folder / "closed").chmod(0o555)
    done = nobody.lab("run", "--json", "closed/results.json").ended(2)
    assert "closed/results.json cannot be written" in done.err
    assert done.out == ""


def test_a_refused_ruleset_is_quoted_with_its_line(project: Project) -> None:
    project.edit(POLICY, "-j REJECT --reject-with tcp-reset", "-j NOWHERE")
    lines = project.lab("run").ended(2).out.splitlines()
    quoted = [line for line in lines if f"{POLICY}:12" in line or "--dport 22" in line]
    assert quoted, lines
    assert lines[-1].startswith("0 cells: ")
