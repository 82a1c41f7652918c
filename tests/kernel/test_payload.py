"""Data of a row's own: what matches of its bytes see of it, and what they cannot."""

from __future__ import annotations

from typing import Any

import pytest

from lab.record.result import CellResult, Outcome
from tests.kernel.conftest import Project
from tests.kernel.scenes import corridor, table

pytestmark = pytest.mark.kernel

STRINGS = table(
    "filter",
    '-A FORWARD -p tcp -m string --string "GET /secret" --algo bm -m comment --comment bm -j DROP',
    '-A FORWARD -p tcp -m string --string "GET /hidden" --algo kmp --to 70 -m comment --comment kmp -j DROP',
    '-A FORWARD -p udp -m string --hex-string "|deadbeef|" --algo bm -m comment --comment hex -j DROP',
    "-A FORWARD -p udp -m u32 --u32 28=0x4c41424c -m comment --comment u32 -j DROP",
    "-A FORWARD -p udp -m length --length 1000: -m comment --comment long -j DROP",
)  # fmt: skip
TCP = {"from": "client", "to": "server", "service": "tcp/80"}
UDP = {"from": "client", "to": "server", "service": "udp/53"}


def run(project: Project, *flows: dict[str, Any], ruleset: str = STRINGS) -> list[CellResult]:
    named = [{"name": f"row {number}", **flow} for number, flow in enumerate(flows)]
    result = project.run(corridor(), {"gateway": ruleset}, named)
    assert not result.problems
    return list(result.results)


def test_bytes_of_data_are_matched(project: Project) -> None:
    cells = run(
        project,
        {**UDP, "payload": "0xdeadbeef", "expect": "drop", "rule": "hex"},
        {**UDP, "payload": "0xdeadbe", "expect": "allow"},
        {**UDP, "payload": "LABL", "expect": "drop", "rule": "u32"},
        {**UDP, "payload": {"bytes": 1000}, "expect": "drop", "rule": "long"},
        {**UDP, "payload": {"bytes": 900}, "expect": "allow"},
        {**TCP, "payload": {"bytes": 20_000}, "expect": "allow"},
        {**TCP, "payload": "GET /public", "expect": "allow"},
        {**TCP, "packet": 'TCP(flags="PA")/Raw("GET /secret")', "expect": "drop", "rule": "bm"},
        {**TCP, "packet": 'TCP(flags="PA")', "payload": "GET /secret", "expect": "drop", "rule": "bm"},
    )
    assert [cell.outcome for cell in cells] == [Outcome.PASSED] * 9, [cell.differences for cell in cells]


@pytest.mark.parametrize(("words", "rule"), [("GET /secret", "bm"), ("GET /hidden", "kmp")])
def test_a_string_is_seen_in_one_segment_and_not_in_two(project: Project, words: str, rule: str) -> None:
    """The match looks at one packet (xt_string): what is split over two goes by."""
    whole, split = run(
        project,
        {**TCP, "steps": [{"open": "allow"}, {"send": {"expect": "drop", "payload": words, "rule": rule}}]},
        {
            **TCP,
            "steps": [
                {"open": "allow"},
                {"send": {"expect": "allow", "payload": words[:7]}},
                {"send": {"expect": "allow", "payload": words[7:]}},
            ],
        },
    )
    assert (whole.outcome, split.outcome) == (Outcome.PASSED, Outcome.PASSED), (whole.differences, split.differences)


def test_a_row_whose_data_is_dropped_fails_with_its_name(project: Project) -> None:
    (cell,) = run(project, {**TCP, "payload": "GET /secret", "expect": "allow"})
    assert (cell.outcome, cell.verdict.packet) == (Outcome.FAIL_CLOSED, "data"), cell.verdict.proof
    assert cell.verdict.rule is not None
    assert cell.verdict.rule.comment == "bm"
