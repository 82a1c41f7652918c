"""pytest's door: one item a cell, fixtures that build labs, and words for whoever lacks the privileges."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.doors.project import SMALL, Nobody, Project
from tests.doors.test_command_line import CELLS

pytestmark = pytest.mark.kernel
pytest_plugins = ["pytester"]

POLICY = "policies/small-gateway.rules.j2"
MATRIX = "matrices/small.yaml"
NODE_IDS = [f"{MATRIX}::{cell.removeprefix('small::')}" for cell in CELLS]
AS_IN_THE_DESIGN = """
def test_web_is_published(lab_factory):
    lab = lab_factory("edge", policies={"gateway": "edge-gateway"})
    verdict = lab.probe("internet", "web-vip", "tcp/443")
    assert verdict.allowed
    assert verdict.arrived.at == "web" and verdict.arrived.port == 8443
    assert verdict.rule.comment == "publish-web"
"""
PROVENANCE = ("machine.lab", "machine.kernel", "machine.iptables", "machine.backend")


@pytest.fixture
def inside(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """pytest in a project with the small matrix, as a user runs it."""
    for name in [name for name in os.environ if name.startswith("PYTEST_XDIST") or name == "PYTEST_ADDOPTS"]:
        monkeypatch.delenv(name)
    shutil.copytree(SMALL, pytester.path, dirs_exist_ok=True)
    return pytester


def break_web(folder: Path) -> None:
    """Leave the translation without its permission."""
    text = (folder / POLICY).read_text()
    lines = [line for line in text.splitlines() if "publish-web" not in line]
    (folder / POLICY).write_text("\n".join([*lines, ""]))


def passed(result: pytest.RunResult) -> list[str]:
    """The node ids that ``-v`` tells as passed, in their order; workers tell them behind the word."""
    found = (line.partition("PASSED") for line in result.outlines if "PASSED" in line)
    return [(after if before.startswith("[gw") else before).strip() for before, _, after in found]


def test_a_matrix_is_one_item_a_cell(inside: pytest.Pytester) -> None:
    result = inside.runpytest_subprocess("matrices", "--collect-only", "-q")
    assert [line for line in result.outlines if "::" in line] == NODE_IDS


def test_every_cell_passes(inside: pytest.Pytester) -> None:
    result = inside.runpytest_subprocess("-v")
    assert passed(result) == NODE_IDS
    result.assert_outcomes(passed=7)


def test_other_yaml_is_left_alone(inside: pytest.Pytester) -> None:
    (inside.path / "matrices" / "values.yaml").write_text("key: value\n")
    (inside.path / "docker-compose.yaml").write_text("matrix: none of ours\n")
    inside.runpytest_subprocess().assert_outcomes(passed=7)


@pytest.mark.parametrize(("chosen", "count"), [(NODE_IDS[1:2], 1), (["-k", "udp"], 2), (["-k", "web-vip and not tcp"], 2)])
def test_some_cells(inside: pytest.Pytester, chosen: Sequence[str], count: int) -> None:
    arguments = chosen if chosen[0] == "-k" else [*chosen, "-v"]
    result = inside.runpytest_subprocess(*arguments, *([] if chosen[0] != "-k" else ["matrices"]))
    result.assert_outcomes(passed=count, deselected=7 - count if chosen[0] == "-k" else 0)


def test_x_stops_at_the_first_failure(inside: pytest.Pytester) -> None:
    break_web(inside.path)
    inside.runpytest_subprocess("-x").assert_outcomes(failed=1)


def test_lf_runs_what_failed(inside: pytest.Pytester) -> None:
    break_web(inside.path)
    inside.runpytest_subprocess().assert_outcomes(passed=6, failed=1)
    shutil.copytree(SMALL, inside.path, dirs_exist_ok=True)
    result = inside.runpytest_subprocess("--lf", "-v")
    assert passed(result) == NODE_IDS[:1]


def test_two_workers(inside: pytest.Pytester) -> None:
    result = inside.runpytest_subprocess("-n", "2", "-v", "--junit-xml", "two.xml")
    result.assert_outcomes(passed=7)
    assert sorted(passed(result)) == sorted(NODE_IDS)
    root = ElementTree.parse(inside.path / "two.xml").getroot()
    assert global_properties(root)["lab.exit"] == "0"


def test_a_failure_tells_everything(inside: pytest.Pytester) -> None:
    break_web(inside.path)
    result = inside.runpytest_subprocess("-k", "tcp/443")
    told = result.stdout.str()
    for words in (
        f"FAIL-CLOSED public web  [{MATRIX}:7:5]",
        "  cell        small::public web[world->web-vip tcp/443]",
        "-> web-vip 198.51.100.1 tcp/443: expected allow, is dropped\n",
        "filter:FORWARD policy",
        'nat PREROUTING:1 "dnat-web" DNAT',
        f"[{POLICY}:4]",
        "translated to 10.0.2.10:8443 by gateway nat:PREROUTING:1 (dnat-web), then dropped by gateway filter:FORWARD policy",
    ):
        assert words in told
    assert "Traceback" not in told
    assert "lab/pytest_plugin.py" not in told


def global_properties(root: ElementTree.Element) -> dict[str | None, str | None]:
    suite = root.find("testsuite")
    assert suite is not None
    return {item.get("name"): item.get("value") for item in suite.findall("properties/property")}


@pytest.mark.parametrize(("broken", "code"), [(False, "0"), (True, "1")])
def test_junit_carries_the_exit_code_and_the_provenance(inside: pytest.Pytester, broken: bool, code: str) -> None:
    if broken:
        break_web(inside.path)
    inside.runpytest_subprocess("--junit-xml", "lab.xml")
    root = ElementTree.parse(inside.path / "lab.xml").getroot()
    properties = global_properties(root)
    assert properties["lab.exit"] == code
    assert [name for name in PROVENANCE if not properties.get(name)] == []
    case = next(case for case in root.iter("testcase") if "tcp/22" in str(case.get("name")))
    marks = {item.get("name"): item.get("value") for item in case.iter("property")}
    assert (marks["lab.exit"], marks["lab.outcome"], marks["lab.verdict"]) == ("0", "passed", "rejected")
    assert marks["lab.rule"] == "gateway filter:INPUT:1 (refuse-ssh)"
    assert marks["lab.source"] == f"{POLICY}:{11 if broken else 12}"


def test_a_wrong_matrix_is_told_in_words(inside: pytest.Pytester) -> None:
    matrix = inside.path / MATRIX
    matrix.write_text(matrix.read_text().replace("expect: allow", "expect: alow"))
    result = inside.runpytest_subprocess("--junit-xml", "lab.xml")
    told = result.stdout.str()
    result.assert_outcomes(errors=1)
    assert f"{MATRIX}:11:13: `expect`: 'alow' cannot be expected" in told
    assert "Traceback" not in told
    assert ".py:" not in told
    assert global_properties(ElementTree.parse(inside.path / "lab.xml").getroot())["lab.exit"] == "2"


def test_a_refused_ruleset_fails_once_and_skips_the_rest(inside: pytest.Pytester) -> None:
    policy = inside.path / POLICY
    policy.write_text(policy.read_text().replace("REJECT --reject-with tcp-reset", "NOWHERE"))
    result = inside.runpytest_subprocess()
    result.assert_outcomes(failed=1, skipped=6)
    assert f"{POLICY}:12" in result.stdout.str()
    assert "Traceback" not in result.stdout.str()


def test_the_lab_factory(inside: pytest.Pytester) -> None:
    inside.makepyfile(AS_IN_THE_DESIGN)
    refused = inside.runpytest_subprocess("test_the_lab_factory.py")
    refused.assert_outcomes(failed=1)
    assert "edge is among what is shipped" in refused.stdout.str()
    inside.runpytest_subprocess("--lab-shipped", "test_the_lab_factory.py").assert_outcomes(passed=1)


def test_a_lab_of_what_is_shipped(inside: pytest.Pytester) -> None:
    text = AS_IN_THE_DESIGN.replace('"edge-gateway"})', '"edge-gateway"}, shipped=True)')
    inside.makepyfile(text)
    inside.runpytest_subprocess("test_a_lab_of_what_is_shipped.py").assert_outcomes(passed=1)


def test_the_lab_factory_takes_the_projects_own_files(inside: pytest.Pytester) -> None:
    inside.makepyfile("""
        import pytest

        @pytest.fixture(scope="module")
        def shared(module_lab_factory):
            return module_lab_factory("small", policies={"gateway": "small-gateway"})

        def test_first(shared, request):
            verdict = shared.probe("world", "web-vip", "tcp/443")
            assert verdict.arrived.at == "web"
            request.module.seen = shared

        def test_second(shared, request):
            assert shared is request.module.seen
            verdict = shared.probe("world", "web-vip", "tcp/22")
            assert verdict.denied and verdict.rule.comment == "refuse-ssh"

        def test_another(lab_factory, shared):
            lab = lab_factory("small")
            assert lab is not shared
            assert lab.probe("world", "web", "tcp/8443").allowed
    """)
    inside.runpytest_subprocess("-n", "0", "test_the_lab_factory_takes_the_projects_own_files.py").assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ('lab_factory("small", policies={"gateway": "none"})', "there is no policy 'none'"),
        ('lab_factory("none")', "there is no topology 'none'"),
        ('lab_factory("small", policies={"nobody": "small-gateway"})', "has no node nobody"),
    ],
)
def test_a_factory_that_cannot_fails_in_words(inside: pytest.Pytester, call: str, words: str) -> None:
    inside.makepyfile(test_it=f"def test_it(lab_factory):\n    {call}\n")
    result = inside.runpytest_subprocess("test_it.py")
    result.assert_outcomes(failed=1)
    assert words in result.stdout.str()
    assert "Traceback" not in result.stdout.str()


def test_pytest_alone_without_privileges_names_the_way_in(nobody: Nobody) -> None:
    done = nobody.pytest("-p", "no:cacheprovider", "matrices").ended(1)
    assert "this process may not make network namespaces" in done.out
    assert "lab pytest ARGS" in done.out
    assert "1 failed, 6 skipped" in done.out


@pytest.mark.parametrize("workers", ["0", "2"])
def test_lab_pytest_as_an_ordinary_user(nobody: Nobody, workers: str) -> None:
    done = nobody.lab("pytest", "-p", "no:cacheprovider", "-n", workers, "matrices").ended(0)
    assert "7 passed" in done.out


def test_lab_pytest_has_pytests_exit_codes(project: Project) -> None:
    project.lab("pytest", "-k", "nowhere").ended(5)
    project.lab("pytest", "--no-such-option").ended(4)
