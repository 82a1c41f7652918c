from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lab.report.plain import plain, plain_lines


def test_printable_text_is_left_alone() -> None:
    assert plain("Grüße, 東京 [x] |y| <z>") == "Grüße, 東京 [x] |y| <z>"


def test_escapes_are_written_out() -> None:
    assert plain("\x1b[31m\n\u202e\x9b\ud800") == r"\x1b[31m\n\u202e\x9b\ud800"


@given(st.text(alphabet=st.characters()))
def test_nothing_unprintable_is_left(text: str) -> None:
    assert plain(text).isprintable()
    assert all(line.isprintable() for line in plain_lines(text))
    assert len(plain_lines(text)) == text.count("\n") + 1
