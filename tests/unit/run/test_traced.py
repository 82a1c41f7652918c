"""``--expect`` takes the words of a row."""

from __future__ import annotations

import pytest

from lab.errors import InputError
from lab.run.traced import expectation


@pytest.mark.parametrize(
    ("text", "action", "kind"),
    [
        ("allow", "allow", None), ("drop", "drop", None), ("deny", "deny", None), ("reject", "reject", None),
        ("reject:tcp-reset", "reject", "tcp-reset"), ("{reject: icmp6-no-route}", "reject", "icmp6-no-route"),
    ],
)  # fmt: skip
def test_words_of_a_row(text: str, action: str, kind: str | None) -> None:
    found = expectation(text)
    assert (found.action, found.reject_with) == (action, kind)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("alow", ("--expect 'alow' cannot be expected", "did you mean 'allow'?")),
        ("tcp-reset", ("'tcp-reset' cannot be expected", "write reject:tcp-reset")),
        ("reject:tcp-rst", ("'tcp-rst' is no answer", "did you mean 'tcp-reset'?")),
        ("", ("'' cannot be expected",)),
        ("drop:tcp-reset", ("cannot be expected",)),
    ],
)
def test_other_words_are_told(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as told:
        expectation(text)
    assert [word for word in words if word not in str(told.value)] == []
