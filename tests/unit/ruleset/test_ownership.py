"""Who answers for a rule, as its comment says."""

from __future__ import annotations

import datetime

import pytest

from lab.ruleset.ownership import Ownership, read_ownership


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        (None, Ownership()),
        ("publish-web", Ownership()),
        (
            "publish-web owner=net-sec ticket=CHG-1042 review=2027-01-31",
            Ownership("net-sec", "CHG-1042", datetime.date(2027, 1, 31)),
        ),
        ("Owner: web-team; see CHG-7", Ownership("web-team", "CHG-7")),
        ("owner=a ticket=t1 review=soon", Ownership("a", "t1")),
        ("see chg-7 and X-1", Ownership()),
    ],
)
def test_what_a_comment_says(comment: str | None, expected: Ownership) -> None:
    assert read_ownership(comment) == expected
