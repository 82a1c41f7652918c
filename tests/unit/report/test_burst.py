"""A burst in the reports: packet by packet for machines, in a line for a person."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema

from lab.record.observation import Counter
from lab.record.result import CellResult, Outcome
from lab.report.causes import by_cause
from lab.report.detail import in_brief
from lab.report.run_json import to_json
from lab.report.wire.schema import result_schema
from tests.unit.report import make
from tests.unit.report.test_junit import only, written
from tests.unit.verdict.made import passed as passing
from tests.unit.verdict.made import rule
from tests.unit.verdict.test_burst import DROPPED, LOST, PASSED, burst, result

WRONG = result(burst(), [PASSED] * 3 + [DROPPED], [PASSED] * 2 + [DROPPED] * 2)


def document(cell: CellResult) -> dict[str, Any]:
    """The cell as JSON, which the schema takes."""
    whole: dict[str, Any] = json.loads(json.dumps(to_json(make.run([cell]))))
    schema: dict[str, Any] = result_schema()
    jsonschema.Draft202012Validator(schema).validate(whole)
    (found,) = whole["cells"]
    assert isinstance(found, dict)
    return found


def test_each_packet_stands_in_the_json() -> None:
    first, second = document(WRONG)["bursts"]
    assert (first["from"], first["sent"], first["passed"], first["least"], first["most"]) == ("client", 4, 3, 2, 2)
    assert [(group["numbers"], group["verdict"], group["passed"]) for group in first["groups"]] == [
        ("1-3", "allowed", True), ("4", "dropped", False),
    ]  # fmt: skip
    assert first["groups"][1]["rule"]["comment"] == "too-fast"
    assert (second["source"], second["passed"]) == ("198.51.100.20", 2)
    assert document(make.cell())["bursts"] == []


def test_a_person_reads_how_many_passed() -> None:
    flow, differs = in_brief(WRONG).splitlines()[1:3]
    assert flow.endswith("expected allow 2 of 4, and drop the rest, is 1-3 allowed, 4 dropped; 1-2 allowed, 3-4 dropped")
    assert differs == (
        "  differs     at most 2 must pass, but from 10.0.1.10: 3 of 4 passed: "
        "1-3 allowed by gateway filter:FORWARD:1 (ssh), 4 dropped by gateway filter:FORWARD:2 (too-fast)"
    )


def test_junit_says_so_too(tmp_path: Path) -> None:
    properties = written(make.run([WRONG]), tmp_path).iter("property")
    marks = [one.get("value") for one in properties if one.get("name") == "lab.burst"]
    assert marks == ["from 10.0.1.10: 3 of 4 passed", "from 198.51.100.20: 2 of 4 passed"]
    failure = only(written(make.run([WRONG]), tmp_path), "failure")
    assert failure.get("type") == "fail-open"
    assert "from 198.51.100.20: 1-2 allowed by gateway" in str(failure.text)


def test_cells_whose_packets_fared_otherwise_are_told_by_themselves() -> None:
    alike = replace(WRONG, service="tcp/444")
    other = result(burst(), [PASSED] * 4)
    assert [len(group) for group in by_cause([WRONG, alike, replace(other, outcome=Outcome.FAIL_OPEN)])] == [2, 1]
    assert result(burst(), [PASSED, LOST, DROPPED, DROPPED]).outcome is Outcome.ERROR


def test_a_step_has_the_counter_of_its_rule() -> None:
    path = passing(rule("web"), rule("later", number=2))
    met = path.steps[0].rule
    assert met is not None
    cell = make.cell()
    seen = replace(cell.verdict.observation, request=(path,), counters=(Counter(met, 4, 6),))
    steps = document(replace(cell, verdict=replace(cell.verdict, observation=seen)))["path"]
    assert (steps[0]["packets_before"], steps[0]["packets_after"]) == (4, 6)
    assert {step["packets_after"] for step in steps[1:]} <= {None}
