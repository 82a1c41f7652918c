from __future__ import annotations

from lab.report.markdown import MOST_DETAILS, MOST_ROWS, escape, to_markdown
from tests.unit.report import make

EVIL = "a|b `c` <script>alert(1)</script> [x](http://y) @team #1\n| new | row |"


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| ")][2:]


def test_all_as_expected() -> None:
    text = to_markdown(make.run([make.cell()]))
    assert text.startswith("## Firewall matrices: all as expected\n")
    assert "1 cell&#58; 1 passed; 0.81 s" in text
    assert rows(text) == []


def test_failures_are_rows_the_open_ones_first() -> None:
    text = to_markdown(make.run([make.fail_closed(), make.fail_open()]))
    assert "not as expected" in text
    assert [row.split(" | ")[0] for row in rows(text)] == ["| fail-closed", "| fail-open"][::-1]


def test_nothing_of_a_file_is_markup() -> None:
    text = to_markdown(make.run([make.fail_open(row=EVIL, sender=EVIL, differences=(EVIL,), warnings=(EVIL,))]))
    assert "<script>" not in text
    (row,) = rows(text)
    assert row.count("|") == 7
    table = text[: text.index("<details>")]
    assert "`" not in table
    assert "@team" not in table


def test_the_detail_block_cannot_be_closed_from_within() -> None:
    text = to_markdown(make.run([make.fail_open(hints=("</pre></details><h1>x",))]))
    assert text.count("</pre>") == 1
    assert text.count("</details>") == 1


def test_escape_is_undone_by_a_reader_of_html() -> None:
    import html

    assert html.unescape(escape("a|b `c` <d> & *e* _f_")) == "a|b `c` <d> & *e* _f_"


def test_a_long_list_is_cut_and_says_so() -> None:
    text = to_markdown(make.run([make.fail_open(row=f"r{number}") for number in range(MOST_ROWS + 3)]))
    assert len(rows(text)) == MOST_ROWS
    assert "3 more failures" in text
    assert text.count("<details>") == MOST_DETAILS


def test_suspects_and_problems_are_listed() -> None:
    suspect = make.cell(suspect=True, verdict=make.dropped())
    text = to_markdown(make.run([suspect], problems=make.problems("no iptables"), exit_code=4))
    assert "- **problem**: no iptables" in text
    assert "suspect, denied by gateway filter&#58;FORWARD policy" in text
