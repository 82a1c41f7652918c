from __future__ import annotations

from lab.record.hint import Hint
from lab.record.result import Comparison, Contrast
from lab.report.markdown import MOST_DETAILS, MOST_ROWS, to_markdown
from tests.unit.report import make
from tests.unit.report.rendered import Rendered, rendered

EVIL = "a|b `c` <script>alert(1)</script> [x](http://y) @team #1 &lt; www.z\n| new | row |\n# head"


def told(page: Rendered) -> str:
    return " ".join(page.text.split())


def test_all_as_expected() -> None:
    text = to_markdown(make.run([make.cell()]))
    assert text.startswith("## Firewall matrices: all as expected\n")
    assert "1 cell: 1 passed; 0.81 s" in text
    assert "###" not in text


def test_failures_stand_under_their_rows_the_open_ones_first() -> None:
    cells = [make.fail_closed(row="one"), make.fail_closed(row="two"), make.fail_open(row="two", where="matrices/m.yaml:9")]
    text = to_markdown(make.run(cells))
    assert "not as expected" in text
    headings = [line for line in text.splitlines() if line.startswith("### ")]
    assert headings == ["### two", "### one", "### two"]
    assert "Matrix web-edge, `matrices/m.yaml:9`" in text


def test_a_failure_has_its_rule_with_its_line_and_why() -> None:
    text = to_markdown(make.run([make.fail_open()]))
    assert "- **fail-open** world 192.0.2.7 -> web-vip 198.51.100.1 tcp/443: expected drop, is allowed\n" in text
    assert "  - by: gateway `filter:from-wan:1` (publish-web) accepted it  `[policies/edge.rules.j2:52]`\n" in text
    assert "  - `-A from-wan -p tcp -m tcp --dport 8443 -m comment --comment publish-web -j ACCEPT`\n" in text
    assert "  - mend: take the accept away, or name it in the row\n" in text


def test_a_page_has_no_entities_where_nothing_needs_one() -> None:
    assert "&" not in to_markdown(make.run([make.fail_open(), make.fail_closed()]))


def test_nothing_of_a_file_is_active() -> None:
    cell = make.fail_open(
        row=EVIL, sender=EVIL, target=EVIL, matrix=EVIL, where=EVIL, service=EVIL, differences=(EVIL,),
        expected=f"allow {EVIL}", hints=(Hint(EVIL, EVIL),), warnings=(EVIL,), notes=(EVIL,),
    )  # fmt: skip
    comparison = Comparison(EVIL, EVIL, 1, (Contrast(EVIL, EVIL, EVIL),))
    page = rendered(to_markdown(make.run([cell], comparisons=(comparison,), notes=(EVIL,), problems=make.problems(EVIL))))
    assert page.active() == []
    assert page.tags <= {"h2", "h3", "p", "ul", "li", "strong", "code", "pre", "br", "details", "summary"}
    assert told(page).count("<script>alert(1)</script> [x](http://y) @team #1 &lt; www.z") > 12


def test_the_detail_block_cannot_be_closed_from_within() -> None:
    text = to_markdown(make.run([make.fail_open(warnings=("</pre></details><h1>x",))]))
    assert text.count("</pre>") == 2  # the block's own, and one in a code span
    assert text.count("</details>\n") == 1
    page = rendered(text)
    assert "h1" not in page.tags
    assert told(page).count("</pre></details><h1>x") == 2


def test_a_long_list_is_cut_and_says_so() -> None:
    text = to_markdown(make.run([make.fail_open(row=f"r{number}") for number in range(MOST_ROWS + 3)]))
    assert text.count("- **fail-open**") == MOST_ROWS
    assert "3 more failures" in text
    assert text.count("<details>") == MOST_DETAILS


def test_suspects_and_problems_are_listed() -> None:
    suspect = make.cell(suspect=True, verdict=make.dropped())
    text = to_markdown(make.run([suspect], problems=make.problems("no iptables"), exit_code=4))
    assert "- **problem**: no iptables" in text
    assert "suspect, denied by gateway `filter:FORWARD` policy" in text
