from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.errors import InputError
from lab.report.write import Outputs, write_reports
from tests.unit.report import make


def test_each_report_goes_to_its_file(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "new" / "r.json", tmp_path / "r.xml", tmp_path / "r.md", tmp_path / "r.txt")
    outputs.check([])
    write_reports(make.run([make.fail_open()]), outputs)
    assert json.loads((tmp_path / "new" / "r.json").read_text())["summary"]["fail_open"] == 1
    assert (tmp_path / "r.xml").read_text().startswith("<?xml")
    assert (tmp_path / "r.md").read_text().startswith("## Firewall matrices")
    assert (tmp_path / "r.txt").read_text().startswith("::error ")


def test_what_is_not_wanted_is_not_written(tmp_path: Path) -> None:
    write_reports(make.run([make.cell()]), Outputs(markdown=tmp_path / "r.md"))
    assert [path.name for path in tmp_path.iterdir()] == ["r.md"]


def test_a_file_that_cannot_be_written_is_told_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        Outputs(json=tmp_path).check([])


def test_a_report_never_takes_the_place_of_a_matrix(tmp_path: Path) -> None:
    matrix = tmp_path / "edge.yaml"
    matrix.write_text("matrix: edge")
    with pytest.raises(InputError, match="is a matrix"):
        Outputs(json=matrix).check([matrix])


def test_a_report_that_cannot_be_written_is_told_and_the_others_are_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="/dev/full cannot be written"):
        write_reports(make.run([make.cell()]), Outputs(json=Path("/dev/full"), markdown=tmp_path / "run.md"))
    assert (tmp_path / "run.md").read_text().startswith("## Firewall matrices")
