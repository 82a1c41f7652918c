"""What pytest tells of cells: a short summary with the reason, as much of a failure as --tb asks for, a marker."""

from __future__ import annotations

import os
import shutil
from xml.etree import ElementTree

import pytest

from tests.doors.project import SMALL
from tests.doors.test_pytest_plugin import MATRIX, POLICY, break_web

pytestmark = pytest.mark.kernel
pytest_plugins = ["pytester"]

WEB = f"{MATRIX}::public web[world->web-vip tcp/443]"
REASON = "fail-closed: dropped by gateway filter:FORWARD policy"
KNOWN = '    known: {until: "2999-12-31", ticket: NET-7, why: waits for its window}\n'
TESTS = """
def test_alone():
    pass

def test_direct(lab_factory):
    pass

import pytest
@pytest.fixture(scope="module")
def shared(module_lab_factory):
    return 1

def test_shared(shared):
    pass
"""


@pytest.fixture
def inside(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """pytest in a project with the small matrix of which the first cell fails, at 80 columns and in no CI."""
    for name in [name for name in os.environ if name.startswith(("PYTEST_XDIST", "CI", "BUILD_NUMBER"))]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    shutil.copytree(SMALL, pytester.path, dirs_exist_ok=True)
    break_web(pytester.path)
    return pytester


@pytest.mark.parametrize("arguments", [("-q",), ("-n", "2", "-rA")], ids=" ".join)
def test_the_short_summary_has_the_reason(inside: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    lines = inside.runpytest_subprocess("matrices", *arguments).outlines
    assert f"FAILED {WEB} - {REASON}" in lines


def test_how_much_is_told_of_a_failure(inside: pytest.Pytester) -> None:
    styles = ("auto", "short", "line", "no")
    told = {style: inside.runpytest_subprocess("matrices", f"--tb={style}").outlines for style in styles}
    assert f"{MATRIX}:7: {REASON}" in told["line"]
    evidence = {style: any("prerouting" in line for line in lines) for style, lines in told.items()}
    assert evidence == {"auto": True, "short": False, "line": False, "no": False}
    rule = {style: any("filter:FORWARD policy dropped it" in line for line in lines) for style, lines in told.items()}
    assert rule == {"auto": True, "short": True, "line": False, "no": False}
    assert sum(REASON in line for line in told["line"]) == 2  # the line, and the summary
    assert sum(REASON in line for line in told["no"]) == 1


def test_other_failures_keep_their_short_lines(inside: pytest.Pytester) -> None:
    inside.makepyfile(test_it=f"def test_it():\n    assert not {' '.join(['words'] * 20)!r}\n")
    lines = inside.runpytest_subprocess("-p", "no:cacheprovider", "test_it.py", "matrices").outlines
    assert [line for line in lines if line.startswith("FAILED") and len(line) > 80] == []


def test_an_error_of_a_file_and_of_a_ruleset_has_its_reason(inside: pytest.Pytester) -> None:
    policy = inside.path / POLICY
    policy.write_text(policy.read_text().replace("REJECT --reject-with tcp-reset", "NOWHERE"))
    lines = inside.runpytest_subprocess("matrices", "--tb=line", "-rfs").outlines
    assert any(line.startswith(f"FAILED {WEB} - iptables refuses line 11 ") for line in lines)
    assert any(line.startswith(f"{POLICY}:11: iptables refuses line 11 ") for line in lines)
    (skipped,) = [line for line in lines if line.startswith("SKIPPED [6] ")]
    assert "the lab of this matrix could not be built: iptables refuses line 11 " in skipped
    matrix = inside.path / MATRIX
    matrix.write_text(matrix.read_text().replace("expect: allow", "expect: alow"))
    lines = inside.runpytest_subprocess("matrices").outlines
    assert f"ERROR {MATRIX} - `expect`: 'alow' cannot be expected" in lines
    assert "    did you mean 'allow'?" in lines


def test_a_known_failure_tells_why_it_is_known(inside: pytest.Pytester) -> None:
    matrix = inside.path / MATRIX
    matrix.write_text(matrix.read_text().replace("    expect: allow\n", "    expect: allow\n" + KNOWN))
    result = inside.runpytest_subprocess("matrices", "-rx")
    result.assert_outcomes(passed=6, xfailed=1)
    assert any(line.startswith(f"XFAIL {WEB} - ") and "NET-7: waits for its window" in line for line in result.outlines)


def test_junit_has_the_reason_and_the_whole(inside: pytest.Pytester) -> None:
    inside.runpytest_subprocess("matrices", "--junit-xml", "lab.xml")
    failure = ElementTree.parse(inside.path / "lab.xml").find(".//failure")
    assert failure is not None
    assert failure.get("message") == REASON
    assert "filter:FORWARD policy dropped it" in str(failure.text)


@pytest.mark.parametrize(("chosen", "count"), [("lab", 9), ("not lab", 1)])
def test_a_marker_chooses_what_builds_labs(inside: pytest.Pytester, chosen: str, count: int) -> None:
    inside.makepyfile(test_marked=TESTS)
    result = inside.runpytest_subprocess("--strict-markers", "--collect-only", "-q", "-m", chosen, "test_marked.py", "matrices")
    assert len([line for line in result.outlines if "::" in line]) == count
