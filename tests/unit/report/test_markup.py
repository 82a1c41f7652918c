from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lab.report.markup import block, code, prose, sentence
from lab.report.plain import plain
from tests.unit.report.rendered import rendered

PIECES = (
    "a", "Ab9", "tcp/22", " ", "  ", "`", "``", "\\", "|", "\\|", "*", "_", "__", "~~", "<b>", "</pre>", "<!--", "&lt;", "&",
    "@team", "#1", "GH-7", "deadbeef1", "http://x", "www.x", ":smile:", ":", "$x$", "[x](y)", "![", "]", "1.", "-", "+",
    ">", "=", "###", "\n", "::error::", "é", "→", "(", ")", '"', "'", "\u202e", "x_y", "%", "{", "}",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


def blanks_as_one(text: str) -> str:
    return " ".join(text.split())


@given(TEXTS)
def test_prose_is_shown_as_it_is_and_nothing_of_it_is_active(text: str) -> None:
    page = rendered(f"- **why**: {prose(text)}")
    assert blanks_as_one(page.text) == blanks_as_one(f"why: {plain(text)}")
    assert page.tags <= {"ul", "li", "strong", "code"}
    assert page.active() == []


@example("(::error::")
@given(TEXTS)
def test_a_sentence_with_code_is_shown_without_its_ticks_and_nothing_of_it_is_active(text: str) -> None:
    page = rendered(f"- why: {sentence(text)}")
    assert page.tags <= {"ul", "li", "code"}
    assert page.active() == []
    without = str.maketrans("", "", "` ")
    assert "".join(page.text.split()).translate(without) == "".join(f"why: {plain(text)}".split()).translate(without)


def test_code_in_a_sentence_is_one_span() -> None:
    assert sentence("masquerade it (`-o wan -j MASQUERADE`), or not") == "masquerade it (`-o wan -j MASQUERADE`), or not"


@given(TEXTS)
def test_a_heading_and_a_paragraph_stay_what_they_are(text: str) -> None:
    page = rendered(f"### row {prose(text)}\n\nMatrix {prose(text)}")
    assert page.tags <= {"h3", "p", "code"}
    assert page.active() == []
    assert blanks_as_one(page.text) == blanks_as_one(f"row {plain(text)} Matrix {plain(text)}")


@given(TEXTS.filter(lambda text: bool(text.strip())))
def test_code_is_one_span(text: str) -> None:
    page = rendered(f"- {code(text)}")
    assert blanks_as_one(page.text) == blanks_as_one(plain(text))
    assert page.tags == {"ul", "li", "code"}


def test_a_bar_behind_a_backslash_stands_in_no_code_of_a_table() -> None:
    assert code(r"a\|b", table=True) == r"`a\`&#124;`b`"
    assert code(r"a\|b") == r"`a\|b`"


@given(TEXTS, TEXTS)
def test_a_table_keeps_its_cells(one: str, other: str) -> None:
    row = f"| {prose(one, table=True)} | {code(other, table=True)} |"
    page = rendered(f"| a | b |\n| --- | --- |\n{row}")
    assert blanks_as_one(page.text) == blanks_as_one(f"a b {plain(one)} {plain(other)}")
    assert page.tags <= {"table", "thead", "tbody", "tr", "th", "td", "code"}
    assert page.active() == []


@given(TEXTS)
def test_a_block_cannot_be_ended_from_within(text: str) -> None:
    page = rendered(f"<details>\n\n{block(text)}\n\n</details>")
    assert page.text.strip() == text.strip()
    assert page.tags == {"details", "pre"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("must pass, but was dropped", "must pass, but was dropped"),
        ("world 192.0.2.7 -> web-vip tcp/443: expected allow", "world 192.0.2.7 -> web-vip tcp/443: expected allow"),
        ("gateway filter:FORWARD:3 (publish-web)", "gateway `filter:FORWARD:3` (publish-web)"),
        ("accept_from_lan (!fw4: lan)", "accept_from_lan (!fw4: lan)"),
        ("a `b`", "a `` `b` ``"),
    ],
)
def test_plain_words_stay_words(text: str, shown: str) -> None:
    assert prose(text) == shown
