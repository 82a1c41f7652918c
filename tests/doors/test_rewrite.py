"""The office of 1999 beside its rewrite: the rows on which they differ are those that docs/rewrite.md lists."""

from __future__ import annotations

import re

import pytest

from lab.prepare.plan import Choices
from lab.record.result import Outcome
from tests.doors.project import LAB, run
from tests.doors.shipped import ROOT, plan_of, run_plan

pytestmark = pytest.mark.kernel

MATRIX = "office-1999-to-2026"
PAGE = ROOT / "docs" / "rewrite.md"
_ROW = re.compile(r"^\| (?P<row>[^|]+) \| (?P<outcome>fail-open|fail-closed) \|", re.MULTILINE)


def test_the_old_office_is_red_on_the_rows_that_are_listed_and_on_no_other() -> None:
    listed = {found["row"]: found["outcome"] for found in _ROW.finditer(PAGE.read_text())}
    result = run_plan(plan_of(MATRIX, Choices(policies={"gateway": "office-1999"})))
    assert not result.problems, result.problems
    outcomes: dict[str, set[str]] = {}
    for cell in result.results:
        outcomes.setdefault(cell.row, set()).add(str(cell.outcome))
    red = {row: found for row, found in outcomes.items() if found != {str(Outcome.PASSED)}}
    assert red == {row: {outcome} for row, outcome in listed.items()}, "a row is red in some of its cells, or not as listed"


def test_the_difference_is_told_by_the_rules_of_1999() -> None:
    sides = [f"policies/{name}.rules.j2" for name in ("office-1999", "office-2026")]
    done = run([LAB, "diff", *sides, "--topology", "office-1999", "--node", "gateway", "--full"], ROOT).ended(1)
    printed = next(line for line in PAGE.read_text().splitlines() if "classes of flows differ" in line)
    assert printed in done.out
    closing = "".join(re.findall(r"^CLOSES .*?(?=^\S)", done.out, re.MULTILINE | re.DOTALL))
    by = set(re.findall(r"filter:replies:\d+\s+\((\S+)\)", closing))
    assert by == {"tcp-replies", "ftp-data", "dns-replies", "icmp-by-type"}
