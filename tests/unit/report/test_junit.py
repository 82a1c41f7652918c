from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from lab.errors import Problem, Where
from lab.record.result import Outcome, RunProblem, RunResult
from lab.report.detail import explain
from lab.report.junit import junit_text
from tests.unit.report import make


def written(result: RunResult, folder: Path) -> Element:
    file = folder / "results.xml"
    file.write_text(junit_text(result), encoding="utf-8")
    return ElementTree.parse(file).getroot()


def only(root: Element, name: str) -> Element:
    found = root.find(f".//{name}")
    assert found is not None
    return found


def test_a_suite_for_each_matrix_and_a_case_for_each_cell(tmp_path: Path) -> None:
    root = written(make.run([make.cell(), make.fail_open(service="tcp/1"), make.cell(matrix="mail")]), tmp_path)
    suites = {suite.get("name"): suite for suite in root}
    assert {name: suite.get("tests") for name, suite in suites.items()} == {"web-edge": "2", "mail": "1"}
    assert suites["web-edge"].get("failures") == "1"
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("3", "1", "0")
    case = only(suites["web-edge"], "testcase")
    assert (case.get("classname"), case.get("name")) == ("web-edge", "public web[world->web-vip tcp/443]")


def test_the_failure_is_the_cell_in_full(tmp_path: Path) -> None:
    cell = make.fail_closed()
    failure = only(written(make.run([cell]), tmp_path), "failure")
    assert failure.get("type") == "fail-closed"
    assert failure.get("message") == "expected an allow, but the SYN was dropped"
    assert failure.text == explain(cell)


def test_a_failed_measurement_is_an_error(tmp_path: Path) -> None:
    root = written(make.run([make.cell(Outcome.ERROR, make.lost())], exit_code=3), tmp_path)
    assert only(root, "error").get("type") == "error"
    assert (root.get("failures"), root.get("errors")) == ("0", "1")
    assert root.find(".//failure") is None


def test_provenance_and_exit_code_are_properties(tmp_path: Path) -> None:
    root = written(make.run([make.cell()], exit_code=1), tmp_path)
    properties = {item.get("name"): item.get("value") for item in only(root, "properties")}
    assert properties["lab.exit"] == "1"
    assert properties["machine.kernel"] == "6.18.0"
    assert properties["machine.rulesets.gateway"] == "sha256:ab"


def test_a_suite_has_the_hashes_of_its_own_rulesets_and_no_sysctls(tmp_path: Path) -> None:
    other = replace(make.provenance(), matrices={**make.provenance().matrices, **make.provenance(matrix="mail").matrices})
    root = written(make.run([make.cell()], provenance=other), tmp_path)
    (suite,) = root
    names = [item.get("name") for item in only(suite, "properties")]
    assert names.count("machine.rulesets.gateway") == 1
    assert not [name for name in names if "ip_forward" in str(name) or "mail" in str(name)]
    assert len(names) < 15


def test_a_case_has_the_file_and_the_line_of_its_row(tmp_path: Path) -> None:
    case = only(written(make.run([make.cell(where="matrices/a.yaml:7:5")]), tmp_path), "testcase")
    assert (case.get("file"), case.get("line")) == ("matrices/a.yaml", "7")


def test_a_problem_has_its_file_and_line(tmp_path: Path) -> None:
    problem = RunProblem(Problem("no such node", where=Where("matrices/a.yaml", 3)))
    case = only(written(make.run([], problems=(problem,), exit_code=2), tmp_path), "testcase")
    assert (case.get("file"), case.get("line")) == ("matrices/a.yaml", "3")


def test_the_rule_of_a_case_has_its_line(tmp_path: Path) -> None:
    case = only(written(make.run([make.fail_closed()]), tmp_path), "testcase")
    marks = {item.get("name"): item.get("value") for item in only(case, "properties")}
    assert marks["lab.rule"] == "gateway filter:FORWARD policy  [policies/edge.rules.j2:9]"


def test_what_stopped_a_matrix_is_an_error(tmp_path: Path) -> None:
    root = written(make.run([], problems=make.problems("gateway: no such file"), exit_code=2), tmp_path)
    assert only(root, "error").get("message") == "gateway: no such file"
    assert root.get("errors") == "1"


def test_a_note_is_no_error(tmp_path: Path) -> None:
    root = written(make.run([make.cell()], notes=("IPv6 is not judged",), exit_code=0), tmp_path)
    assert root.find(".//error") is None


def test_control_characters_leave_the_file_readable(tmp_path: Path) -> None:
    evil = "\x00\x1b[31m\ud800]]>"
    cells = [make.fail_open(row=evil, matrix=evil, differences=(evil,), where=evil)]
    provenance = make.provenance(kernel=evil, matrix=evil)
    root = written(make.run(cells, provenance=provenance, problems=make.problems(evil), exit_code=3), tmp_path)
    assert r"\x00\x1b[31m\ud800]]>" in str(only(root, "failure").get("message"))


def test_a_suspect_that_passed_is_marked(tmp_path: Path) -> None:
    root = written(make.run([make.cell(suspect=True)]), tmp_path)
    marks = [item.get("name") for item in only(only(root, "testcase"), "properties")]
    assert "lab.suspect" in marks
    assert "suspect" in str(only(root, "system-out").text)
