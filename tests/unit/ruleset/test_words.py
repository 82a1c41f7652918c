"""Words and their quotes, against what iptables-save prints and iptables-restore takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.ruleset.words import placed_words, quote_is_open, quoted, words

# What iptables-save prints of these comments.
PRINTED = [
    ("plain", "plain"),
    ("a-b_c", "a-b_c"),
    ("two words", '"two words"'),
    ("", '""'),
    ('a "b" \\ c', '"a \\"b\\" \\\\ c"'),
    ("it's", '"it\\\'s"'),
    ("#hash", '"#hash"'),
    ("a,b.c:d", '"a,b.c:d"'),
    ("é ü ß", '"é ü ß"'),
    ("[1:2] -A x", '"[1:2] -A x"'),
]


@pytest.mark.parametrize(("value", "printed"), PRINTED)
def test_a_value_is_quoted_as_iptables_save_does(value: str, printed: str) -> None:
    assert quoted(value) == printed
    assert words(f"-m comment --comment {printed} -j DROP") == ["-m", "comment", "--comment", value, "-j", "DROP"]


LINES = [
    ("-A  FORWARD\t-j DROP", ["-A", "FORWARD", "-j", "DROP"]),
    ('--comment pre"mid x"post', ["--comment", "premid x", "post"]),
    ("--comment plain\\esc", ["--comment", "plain\\esc"]),
    ('--comment "nl\\nx"', ["--comment", "nlnx"]),
    ('--comment "open -j DROP', ["--comment", "open -j DROP"]),
    ('--comment "open \\', ["--comment", "open "]),
    ("--comment a'b 'c d'", ["--comment", "a'b", "'c", "d'"]),
    ('"a""b" "c"', ["a", "b", "c"]),
    ("", []),
]


@pytest.mark.parametrize(("line", "expected"), LINES)
def test_words_are_those_of_iptables_restore(line: str, expected: list[str]) -> None:
    assert words(line) == expected
    assert [word.value for word in placed_words(line)] == expected


@given(st.lists(st.text(st.characters(exclude_characters="\n\0", exclude_categories=["Cs"]))))
def test_quoting_round_trip(values: list[str]) -> None:
    line = " ".join(quoted(value) for value in values)
    assert words(line) == values
    assert [word.value for word in placed_words(line)] == values
    assert not quote_is_open(line)


def test_a_word_knows_its_place() -> None:
    line = '-A x --comment "a b" -c 1 2'
    assert [line[word.start:word.end] for word in placed_words(line)][3:5] == ['"a b"', "-c"]


@pytest.mark.parametrize(("line", "is_open"), [('"a', True), ('"a\\"', True), ('"a" "b', True), ('"a"', False), ("a", False)])
def test_an_open_quote_is_seen(line: str, is_open: bool) -> None:
    assert quote_is_open(line) is is_open
