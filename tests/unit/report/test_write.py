from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lab.errors import InputError, LabError, MachineError, Problem, Where
from lab.record.difference import DiffReports
from lab.record.result import RunResult, no_result
from lab.report import junit
from lab.report.reports import audit_reports, diff_reports, exposure_reports, run_reports
from lab.report.write import Reports, replaceable
from tests.unit.report import auditing, differing, make

WRONG = Problem("`expect`: 'alow' cannot be expected", Where("matrices/edge.yaml", 7, 13), "did you mean 'allow'?")


def outputs_in(folder: Path) -> Reports[RunResult]:
    return run_reports(folder / "r.json", folder / "r.xml", folder / "r.md", folder / "r.txt")


def test_each_report_goes_to_its_file(tmp_path: Path) -> None:
    outputs = outputs_in(tmp_path / "new")
    outputs.check([])
    outputs.write(make.run([make.fail_open()]))
    assert json.loads((tmp_path / "new" / "r.json").read_text())["summary"]["fail_open"] == 1
    assert (tmp_path / "new" / "r.xml").read_text().startswith("<?xml")
    assert (tmp_path / "new" / "r.md").read_text().startswith("## Firewall matrices: not as expected")
    assert (tmp_path / "new" / "r.txt").read_text().startswith("::error ")


def test_what_is_not_wanted_is_not_written(tmp_path: Path) -> None:
    run_reports(markdown=tmp_path / "r.md").write(make.run([make.cell()]))
    assert [path.name for path in tmp_path.iterdir()] == ["r.md"]


def test_a_file_that_cannot_be_written_is_told_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        run_reports(json=tmp_path, markdown=tmp_path / "r.md").begin()
    assert "did not finish" in (tmp_path / "r.md").read_text()


def test_a_report_never_takes_the_place_of_a_matrix(tmp_path: Path) -> None:
    matrix = tmp_path / "edge.yaml"
    matrix.write_text("matrix: edge")
    outputs = run_reports(json=matrix, markdown=tmp_path / "r.md")
    with pytest.raises(InputError, match="is read by this command"):
        outputs.check([matrix])
    outputs.write(make.run([]), sparing=[tmp_path / "x" / ".." / "edge.yaml"])
    assert matrix.read_text() == "matrix: edge"
    assert (tmp_path / "r.md").exists()


def test_two_reports_do_not_share_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="named for two reports"):
        run_reports(json=tmp_path / "r", junit=tmp_path / "r").check([])
    run_reports(json=Path("/dev/null"), junit=Path("/dev/null")).check([])


def test_a_hyphen_is_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    printed = run_reports(json=Path("-"), markdown=Path("r.md"))
    assert (printed.printed, run_reports(json=Path("r.json")).printed) == (True, False)
    printed.check([])
    printed.begin()
    assert capsys.readouterr().out == ""
    printed.write(make.run([make.cell()]))
    assert json.loads(capsys.readouterr().out)["summary"]["passed"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["r.md"]
    with pytest.raises(InputError, match="- is named for two reports"):
        run_reports(json=Path("-"), junit=Path("-")).check([])


def test_what_is_compared_with_goes_only_for_a_finished_one(tmp_path: Path) -> None:
    kept, other = tmp_path / "kept.json", tmp_path / "other.md"
    kept.write_text(yesterday := '{\n "version": 1}')
    rolling = exposure_reports(kept, other, against=tmp_path / "." / "kept.json")
    rolling.check([kept])
    rolling.begin()
    rolling.write(rolling.nothing((WRONG,), 2), finished=False)
    assert kept.read_text() == yesterday
    assert "alow" in other.read_text()
    rolling.write(rolling.nothing((), 0), finished=True)
    assert json.loads(kept.read_text())["exposures"] == []


def test_a_report_that_cannot_be_written_is_told_and_the_others_are_written(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="/dev/full cannot be written: No space left on device"):
        run_reports(json=Path("/dev/full"), markdown=tmp_path / "run.md").write(make.run([make.cell()]))
    assert (tmp_path / "run.md").read_text().startswith("## Firewall matrices")


def test_a_report_that_nobody_foresaw_loses_none_of_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(result: object) -> str:
        raise RecursionError("too deep")

    monkeypatch.setattr(junit, "junit_text", broken)
    with pytest.raises(LabError, match=r"r\.xml: unforeseen RecursionError: too deep") as told:
        outputs_in(tmp_path).write(make.run([make.cell()]))
    assert told.value.exit_code == 3
    assert json.loads((tmp_path / "r.json").read_text())["summary"]["passed"] == 1
    assert (tmp_path / "r.txt").read_text() == ""


def test_yesterdays_reports_go_when_a_run_begins(tmp_path: Path) -> None:
    outputs = outputs_in(tmp_path)
    outputs.write(make.run([make.cell()]))
    outputs.begin()
    said = json.loads((tmp_path / "r.json").read_text())
    assert (said["exit_code"], said["interrupted"], said["summary"]["passed"]) == (3, True, 0)
    assert "did not finish" in said["problems"][0]
    error = ElementTree.parse(tmp_path / "r.xml").find(".//error")
    assert error is not None
    assert "did not finish" in str(error.get("message"))
    assert (tmp_path / "r.md").read_text().startswith("## Firewall matrices: did not run\n")
    assert (tmp_path / "r.txt").read_text().startswith("::error title=netfilter-lab::this run did not finish")


@pytest.mark.parametrize("text", ["matrix: edge\n", "*filter\nCOMMIT\n", "{a: b}", "# Notes\n", '{"version": 1}'])
def test_what_is_no_report_stays_until_there_is_a_result(tmp_path: Path, text: str) -> None:
    file = tmp_path / "r.json"
    file.write_text(text)
    run_reports(json=file).begin()
    assert file.read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_devices_and_pipes_are_no_reports_of_yesterday(tmp_path: Path) -> None:
    assert [replaceable(Path(name)) for name in ("/dev/null", "/dev/stdout", str(tmp_path))] == [False, False, False]


def test_an_input_error_stands_in_every_report_with_its_place(tmp_path: Path) -> None:
    outputs_in(tmp_path).write(no_result((WRONG,), 2))
    said = json.loads((tmp_path / "r.json").read_text())
    assert said["exit_code"] == 2
    assert said["problem_records"] == [
        {
            "matrix": "", "what": WRONG.what, "mend": WRONG.mend, "file": "matrices/edge.yaml", "line": 7, "column": 13,
        }
    ]  # fmt: skip
    assert said["problems"] == [str(WRONG)]
    case = ElementTree.parse(tmp_path / "r.xml").find(".//testcase")
    assert case is not None
    assert {item.get("name"): item.get("value") for item in case.iter("property")} == {"lab.where": "matrices/edge.yaml:7:13"}
    assert case.find("error") is not None
    assert "matrices/edge.yaml:7:13" in (tmp_path / "r.md").read_text()
    place = "::error file=matrices/edge.yaml,line=7,col=13,title=netfilter-lab::matrices/edge.yaml:7:13: "
    assert (tmp_path / "r.txt").read_text().startswith(place)


def test_the_reports_of_a_difference_replace_their_own(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("d.json", "d.md", "d.sarif", "d.txt")]
    reports = diff_reports(*files)
    for of in (differing.report(differing.opens()), differing.report(differing.closes())):
        reports.write(DiffReports((of,)))
        assert all(replaceable(file) for file in files)
    reports.begin()
    assert ["did not finish" in file.read_text() for file in files] == [True] * 4


def test_the_page_of_an_audit_is_replaced(tmp_path: Path) -> None:
    reports = audit_reports(tmp_path / "a.json", tmp_path / "a.md")
    reports.write(auditing.report())
    reports.begin()
    assert ["did not finish" in (tmp_path / name).read_text() for name in ("a.json", "a.md")] == [True] * 2
