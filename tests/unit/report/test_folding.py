from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lab.report.folding import folded


@given(st.text("ab:/-. ", max_size=60), st.integers(10, 30))
def test_every_line_fits_and_nothing_is_lost(text: str, width: int) -> None:
    lines = folded(text, width)
    assert max(map(len, lines)) <= width
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_word_is_kept_whole_where_it_fits() -> None:
    assert folded("dropped by filter:ufw-user:3 twice", 16) == ["dropped by", "filter:ufw-user:", "3 twice"]
    assert folded("dropped by filter:ufw-user:3 twice", 18) == ["dropped by", "filter:ufw-user:3", "twice"]
