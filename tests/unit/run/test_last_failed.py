"""What failed is known to the next run, and the file that says so can do nothing but choose cells."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lab.record.result import CellResult, Outcome
from lab.run.last_failed import FILE, FOLDER, last_failed, remember
from tests.unit.report import make


def ran(**outcomes: bool) -> list[CellResult]:
    return [make.cell(id=name, outcome=Outcome.PASSED if passed else Outcome.MISMATCH) for name, passed in outcomes.items()]


def write(project: Path, text: str) -> Path:
    file = project / FOLDER / FILE
    file.parent.mkdir()
    file.write_text(text)
    return file


def test_what_was_not_run_stays_as_it_was_known(tmp_path: Path) -> None:
    remember(tmp_path, ran(a=False, b=False, c=True))
    assert last_failed(tmp_path) == {"a", "b"}
    remember(tmp_path, ran(b=True, c=False))
    assert last_failed(tmp_path) == {"a", "c"}
    remember(tmp_path, ran(a=True, c=True))
    assert last_failed(tmp_path) == set()
    assert sorted(path.name for path in (tmp_path / FOLDER).iterdir()) == [".gitignore", FILE]
    assert (tmp_path / FOLDER / ".gitignore").read_text() == "*\n"


def test_a_project_without_failures_gets_no_folder(tmp_path: Path) -> None:
    remember(tmp_path, ran(a=True))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", '{"failed": 7}', "{", "[" * 100_000, "\udcff", '{"failed": {"a": 1}}', f'{{"failed": {"9" * 5000}}}'],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_what_says_nothing_of_cells_is_as_nothing(tmp_path: Path, text: str) -> None:
    write(tmp_path, "").write_bytes(text.encode(errors="surrogateescape"))
    assert last_failed(tmp_path) == frozenset()
    remember(tmp_path, ran(a=False))
    assert last_failed(tmp_path) == {"a"}


def test_what_is_no_id_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, json.dumps({"failed": ["a", 1, None, ["b"], {"c": 1}]}))
    assert last_failed(tmp_path) == {"a"}


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    write(tmp_path, "").unlink()
    os.mkfifo(tmp_path / FOLDER / FILE)
    assert last_failed(tmp_path) == frozenset()


def test_no_link_is_followed(tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text('{"failed": ["a"]}')
    project = tmp_path / "project"
    (project / FOLDER).mkdir(parents=True)
    (project / FOLDER / FILE).symlink_to(own)
    assert last_failed(project) == frozenset()
    remember(project, ran(b=False))
    assert own.read_text() == '{"failed": ["a"]}'
    assert last_failed(project) == {"b"}


def test_no_folder_elsewhere_is_written_into(tmp_path: Path) -> None:
    elsewhere, project = tmp_path / "elsewhere", tmp_path / "project"
    elsewhere.mkdir()
    project.mkdir()
    (project / FOLDER).symlink_to(elsewhere)
    remember(project, ran(a=False))
    assert list(elsewhere.iterdir()) == []


def test_where_it_cannot_be_written_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file")
    remember(tmp_path, ran(a=False))
    assert (tmp_path / FOLDER).read_text() == "a file"
