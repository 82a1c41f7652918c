"""Each shipped matrix has wrong policies enough, and each of them is an edit of the template as it is now."""

from __future__ import annotations

import pytest

from tests.doors.shipped import MATRICES, ROOT, native, plan_of
from tests.doors.wrong_policy import wrong_policies


@pytest.mark.parametrize("matrix", MATRICES)
def test_enough_a_matrix_in_both_families(matrix: str) -> None:
    found = list(wrong_policies(matrix))
    kinds = [wrong.template for wrong in found]
    plan = plan_of(matrix)
    rows = len({cell.row for cell in plan.cells})
    of_a_whole_role = rows >= 30
    assert kinds.count("v4") >= (20 if of_a_whole_role else rows // 3)
    assert kinds.count("v6") >= (8 if of_a_whole_role else 6 in {cell.family for cell in plan.cells})
    assert kinds.count("nft") >= (10 if native(matrix) else 0)
    assert len({str(wrong) for wrong in found}) == len(found), "two have the same name"


@pytest.mark.parametrize("matrix", MATRICES)
def test_each_is_an_edit_of_the_template_and_names_rows(matrix: str) -> None:
    plan = plan_of(matrix)
    plans = [plan, plan_of(matrix, native(matrix))]
    policies = [policy for one in plans for policy in one.policies.values()]
    templates = {kind: (ROOT / text.file).read_text() for policy in policies for kind, text in policy.parts()}
    rows = {(cell.row, cell.family) for cell in plan.cells}
    for wrong in wrong_policies(matrix):
        template = templates[wrong.template]
        assert wrong.applied(template) != template, wrong.name
        assert all(any((row, family) in rows for family in wrong.families) for row in wrong.rows), wrong.name
