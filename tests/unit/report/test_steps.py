"""A flow of several steps as it is told: which was wrong, how those before it fared, how many were not done."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

from lab.record.result import CellResult, Outcome, StepResult
from lab.report.failure import failure_lines, written
from lab.report.junit import junit_text
from lab.report.markdown import to_markdown
from lab.report.run_json import json_text, to_json
from lab.report.steps import MOST_STEPS, step_lines
from tests.unit.report import make


def step(number: int, words: str = "send", **changes: object) -> StepResult:
    verdict = make.allowed()
    plain = StepResult(number, words, f"m.yaml:{number}", Outcome.PASSED, 0.1, "", "allow", verdict)
    return replace(plain, **changes)  # type: ignore[arg-type]


def failing(*steps: StepResult, left: int = 0) -> CellResult:
    return replace(make.fail_closed(), steps=steps, steps_left=left, expected="allow of step 3 (send)")


WRONG = step(3, session="b", outcome=Outcome.FAIL_CLOSED, verdict=make.fail_closed().verdict)
LOADED = step(2, "load gateway: edge", verdict=None, expected="", seconds=0.4)


def test_steps_up_to_the_wrong_one_stand_behind_the_flow() -> None:
    told = written(failure_lines([failing(step(1, "open"), LOADED, WRONG, left=2)]))
    assert told[1:5] == [
        "  steps   1 open: allowed by gateway filter:from-wan:1 (publish-web)",
        "          2 load gateway: edge",
        "          3 send of b: dropped by gateway filter:FORWARD policy, and not allow",
        "          4 to 5 were not done",
    ]


def test_a_step_that_met_what_is_expected_and_is_wrong_otherwise_is_not_said_to_be_no_allow() -> None:
    passed = step(1, outcome=Outcome.MISMATCH, differences=("must arrive from 10.0.1.1",))
    dropped = step(2, outcome=Outcome.FAIL_OPEN, expected="drop", verdict=WRONG.verdict)
    refused = step(3, outcome=Outcome.MISMATCH, expected="reject with tcp-reset", verdict=WRONG.verdict)
    told = list(step_lines(failing(passed, dropped, refused)))
    assert [one.rpartition(", and not ")[2] for one in told] == ["as expected", "as expected", "reject with tcp-reset"]


def test_of_many_steps_the_last_are_told() -> None:
    told = list(step_lines(failing(*(step(number) for number in range(1, 13)), replace(WRONG, number=13), left=1)))
    assert (told[0], told[-1], len(told)) == (f"1 to {12 - MOST_STEPS} fared as expected", "14 was not done", MOST_STEPS + 3)


def test_a_step_that_took_its_time_says_so_and_one_that_could_not_be_done_why() -> None:
    waited = replace(LOADED, words="wait 2 s", seconds=2.0)
    lost = replace(LOADED, number=3, outcome=Outcome.ERROR, differences=("no entry",))
    told = ["2 wait 2 s: took 2.0 s", "3 load gateway: edge: could not be done: no entry"]
    assert list(step_lines(failing(waited, lost))) == told


def test_one_packet_has_no_steps() -> None:
    assert list(step_lines(make.fail_closed())) == []


def test_machines_read_each_step() -> None:
    run = make.run([failing(step(1, "open"), LOADED, WRONG, left=2)])
    (cell,) = json.loads(json_text(to_json(run)))["cells"]
    assert [(one["number"], one["step"], one["session"], one["result"]) for one in cell["steps"]] == [
        (1, "open", "", "passed"), (2, "load gateway: edge", "", "passed"), (3, "send", "b", "fail-closed"),
    ]  # fmt: skip
    assert [one["rule"] for one in cell["steps"]] == [
        "gateway filter:from-wan:1 (publish-web)", None, "gateway filter:FORWARD policy",
    ]  # fmt: skip
    assert (cell["steps_left"], cell["steps"][1]["seconds"], cell["steps"][1]["verdict"]) == (2, 0.4, None)
    failure = ElementTree.fromstring(junit_text(run)).find(".//failure")
    assert failure is not None
    assert "3 send of b: dropped" in (failure.text or "")
    assert "steps: 1 open: allowed by" in to_markdown(run)
