"""docs/matches.md says what the cases of tests/kernel/matches do, and leaves no match and no target out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.matches.cases import CASES
from tests.kernel.matches.everything import ELSEWHERE, MATCHES, TARGETS, WHY_NOT, the_page
from tests.kernel.matches.of_ends import OTHERWISE

ROOT = Path(__file__).resolve().parents[3]
EVERYTHING = (*MATCHES, *TARGETS)


def test_the_page_is_that_of_the_cases() -> None:
    assert (ROOT / "docs" / "matches.md").read_text(encoding="utf-8") == the_page(CASES), "ci/matches writes it"


def test_each_has_a_case_a_test_elsewhere_or_a_reason() -> None:
    told = [*{case.name for case in CASES}, *ELSEWHERE, *WHY_NOT]
    assert sorted(told) == sorted(EVERYTHING)


def test_a_target_s_case_is_a_target_s() -> None:
    assert [case.id for case in CASES if case.target != (case.name in TARGETS)] == []
    ids = [case.id for case in CASES]
    assert len(ids) == len(set(ids))
    assert OTHERWISE.keys() == {case.id for case in CASES if case.meets == case.misses}


@pytest.mark.parametrize(("name", "file"), ELSEWHERE.items())
def test_what_is_exercised_elsewhere_stands_there(name: str, file: str) -> None:
    assert name in (ROOT / file).read_text(encoding="utf-8")
