"""Files that are read back come from elsewhere: what is wrong in one is told by its place and value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lab.errors import InputError
from lab.report.run_json import json_text
from lab.report.wire.document import adapter
from lab.report.wire.exposure import Exposures, Saved
from lab.report.wire.reading import read
from lab.report.wire.run import Run
from lab.report.wire.sweep import Sweeps
from tests.unit.report.wire.documents import exposures, run_json, sweeps

NO_REPORT = "\n    this is no report of `lab exposure --save`, or not as it was written"


def refused(file: Path, text: str) -> str:
    file.write_text(text)
    with pytest.raises(InputError) as told:
        read(Exposures, file, "lab exposure --save")
    return str(told.value).replace(f"{file}", "FILE")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "FILE:1:1: this is no JSON: Expecting value"),
        ('{"version": 1,\n "topology" "made"}', "FILE:2:13: this is no JSON: Expecting ':' delimiter"),
        ("[" * 100_000, "FILE: this is no JSON: it is nested too deep"),
        ('{"questions": ' + "9" * 5_000 + "}", "FILE: this is no JSON: Exceeds the limit"),
        ("[]", "FILE: a mapping belongs here, not a list"),
        ("7", "FILE: a mapping belongs here, not a single value"),
    ],
)
def test_what_is_no_document(tmp_path: Path, text: str, told: str) -> None:
    said = refused(tmp_path / "saved.json", text)
    assert said.startswith(told)
    assert said.endswith(NO_REPORT)


@pytest.mark.parametrize(
    ("keys", "value", "told"),
    [
        (("topology",), 5, "`topology`: text belongs here, not 5"),
        (("questions",), -1, "`questions`: input should be greater than or equal to 0, not -1"),
        (("exposures",), {}, "`exposures`: a list belongs here, not a mapping"),
        (("exposures", 1), "x", "`exposures[1]`: a mapping belongs here, not 'x'"),
        (("exposures", 0, "family"), 5, "`exposures[0].family`: 5 is not one of 4 or 6"),
        (("exposures", 0, "verdict"), "fine", "`exposures[0].verdict`: 'fine' is not one of 'allowed', 'closed'"),
        (("exposures", 0, "ports", 1), [90, 80], "`exposures[0].ports`: [90, 80] are no ports"),
        (("exposures", 0, "ports", 1), [80, 70_000], "`exposures[0].ports`: [80, 70000] are no ports"),
        (("exposures", 0, "ports", 1), [80], "`exposures[0].ports[1][1]` is missing"),
        (("added", 0, "from"), None, "`added[0].from`: text belongs here, not nothing"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_its_place(tmp_path: Path, keys: tuple[Any, ...], value: object, told: str) -> None:
    document = json.loads(json_text(exposures()))
    inner = document
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    said = refused(tmp_path / "saved.json", json.dumps(document))
    assert said.startswith(f"FILE: {told}")
    assert said.endswith(NO_REPORT)
    assert said.count("FILE") == 1


def test_a_key_that_is_missing_is_named(tmp_path: Path) -> None:
    document = exposures()
    document["exposures"] = [{}, {}]
    said = refused(tmp_path / "saved.json", json_text(document))
    assert "FILE: `exposures[0].from` is missing" in said
    assert "exposures[1]" not in said


def test_of_a_file_full_of_faults_a_few_are_told(tmp_path: Path) -> None:
    """A list is read up to the first item that is wrong, so that their number costs nothing."""
    document = exposures()
    document["exposures"] = [{}] * 50_000
    document["added"] = [{"ports": [[0, 0]] * 50_000}] * 10
    assert refused(tmp_path / "saved.json", json_text(document)).count("FILE") == 5
    with pytest.raises(ValidationError) as told:
        adapter(Exposures).validate_python(document)
    assert told.value.error_count() < 30


def test_another_version_is_told_before_what_else_is_new(tmp_path: Path) -> None:
    assert "has version 2, and this lab reads version 1" in refused(tmp_path / "saved.json", '{"version": 2, "keys": "new"}')


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.json cannot be read: No such file"):
        read(Exposures, tmp_path / "no.json", "lab exposure --save")


@pytest.mark.parametrize(
    ("kind", "document", "later", "value"),
    [
        (Exposures, exposures(), ("exit_code", "problems", "problem_records", "exposures/arrived/missing"), 0),
        (Sweeps, sweeps(), ("exit_code", "interrupted", "problems", "problem_records", "sweeps/groups/arrived/missing"), 0),
        (Run, run_json(), ("problem_records", "cells/notes", "cells/source", "cells/kernel_source", "comparisons"), 1),
    ],
)
def test_a_document_of_before_a_key_was_added_is_read(
    tmp_path: Path, kind: type, document: dict[str, Any], later: tuple[str, ...], value: int
) -> None:
    old = json.loads(json_text(document))
    for path in later:
        without(old, path.split("/"))
    file = tmp_path / "saved.json"
    file.write_text(json.dumps(old))
    found: Any = read(kind, file, "lab")
    assert found.exit_code == value
    assert found.problem_records == ()


def without(value: Any, path: list[str]) -> None:
    """Take the key at the end of the path out of every mapping that has it."""
    if isinstance(value, list):
        for item in value:
            without(item, path)
    elif value is not None and len(path) == 1:
        del value[path[0]]
    elif value is not None:
        without(value[path[0]], path[1:])


def test_a_key_of_a_later_lab_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "saved.json"
    file.write_text(json_text({**exposures(), "weather": "fine"}))
    assert read(Exposures, file, "lab").topology == "made"


def test_a_name_that_is_no_utf_8_is_read_back(tmp_path: Path) -> None:
    """A file's name may be any bytes, which Python holds as lone surrogates."""
    file = tmp_path / "saved.json"
    file.write_text(json_text({**exposures(), "topology": "net\udcff"}))
    assert read(Saved, file, "lab").topology == "net\udcff"
