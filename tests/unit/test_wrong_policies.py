"""Each shipped matrix has wrong policies enough, and each of them is an edit of the template as it is now."""

from __future__ import annotations

import pytest

from tests.doors.shipped import MATRICES, ROOT, plan_of
from tests.doors.wrong_policy import wrong_policies


@pytest.mark.parametrize("matrix", MATRICES)
def test_at_least_twenty_a_matrix(matrix: str) -> None:
    found = list(wrong_policies(matrix))
    assert len(found) >= 20
    assert len({wrong.name for wrong in found}) == len(found), "two have the same name"


@pytest.mark.parametrize("matrix", MATRICES)
def test_each_is_an_edit_of_the_template_and_names_rows(matrix: str) -> None:
    plan = plan_of(matrix)
    (policy,) = plan.policies.values()
    templates = {kind: (ROOT / text.file).read_text() for kind, text in policy.parts()}
    rows = {cell.row for cell in plan.cells}
    for wrong in wrong_policies(matrix):
        template = templates[wrong.template]
        assert wrong.applied(template) != template, wrong.name
        assert set(wrong.rows) <= rows, wrong.name
