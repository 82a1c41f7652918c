from __future__ import annotations

import pytest

from lab.errors import Problem
from lab.record.difference import RowOutcome, Side
from lab.report.diff_markdown import MOST_CHARACTERS, diff_markdown
from tests.unit.report import make
from tests.unit.report.differing import HOSTILE, NO_MAIL, closes, logs, many, opens, report
from tests.unit.report.rendered import rendered

QUESTIONS = [
    "Which traffic changes", "Which chain and table", "Expected positive change", "Denied behaviour preserved",
    "Rollback and trigger", "Which counters and logs validate it", "What is not known",
]  # fmt: skip


def parts(markdown: str) -> dict[str, str]:
    """The page by its headings."""
    head, *others = markdown.split("\n### ")
    return {"": head} | {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in others}


def test_the_questions_of_a_review_are_answered() -> None:
    page = parts(diff_markdown(report(logs(), closes(), opens(), notes=("no IPv6",))))
    assert list(page)[1:] == QUESTIONS
    assert page[""].splitlines()[0] == (
        "## What the change changes: 3 classes of flows differ: 1 opens, 1 closes, 1 is logged otherwise"
    )
    assert page["Which traffic changes"].splitlines()[2] == (
        "| **OPENS** | 192.0.2.0/24 by wan -> 10.0.2.10 | tcp/8443 | 256 addresses \u00d7 1 port "
        "| dropped by `filter:FORWARD` policy  `[old.rules:9]` | allowed by `filter:from-wan:1` (publish-web)  "
        "`[policies/edge.rules.j2:52]`<br>owner net-sec, ticket CHG-1042 |"
    )
    rule = "- now: table `filter`, chain `FORWARD`, rule 7 at `new.rules:22`, 1 class: `-A FORWARD -p tcp -m tcp --dport 25 -j"
    assert f"{rule} DROP`" in page["Which chain and table"].splitlines()
    assert "No change file" in page["Expected positive change"]
    assert page["Denied behaviour preserved"].splitlines()[0] == "**No**: 1 class of flows opens that nothing asked for."
    assert "Rolled back by loading `old.rules` in the place of `new.rules`." in page["Rollback and trigger"]
    flow = "`world 192.0.2.7 > 198.51.100.1 tcp/443`"
    assert f"- {flow} is denied now, and somebody needs it" in page["Rollback and trigger"].splitlines()
    counted = page["Which counters and logs validate it"].splitlines()
    assert f"- `iptables -t filter -vnL FORWARD --line-numbers`, rule 7, counts {flow}" in counted
    assert f"- the log says `fw ` of {flow}" in counted
    assert page["What is not known"] == "- note: no IPv6"


def test_a_change_file_says_what_was_expected() -> None:
    rows = (RowOutcome("web from wan", passed=True), RowOutcome("mail", passed=False, what="is dropped"))
    page = parts(diff_markdown(report(opens(intended="web from wan"), change="c.yaml", intended=rows, holds=rows[:1])))
    assert page["Expected positive change"].splitlines() == [
        "1 of 2 rows of the change hold now, and did not before.", "", "- yes: web from wan", "- **no**: mail: is dropped"
    ]  # fmt: skip
    assert page["Denied behaviour preserved"].splitlines()[0] == "Nothing opens that was not asked for, as far as it was asked."
    assert "- **not as intended**: mail: is dropped" in page[""].splitlines()
    assert "is allowed now, and somebody uses it" not in page["Rollback and trigger"]


def test_other_families_and_dialects_have_their_own_counters() -> None:
    six = Side(make.dropped(), NO_MAIL.__class__("gateway", "filter", "FORWARD", 1, "-A FORWARD -j DROP", family="ip6"))
    native = Side(make.dropped(), NO_MAIL.__class__("gateway", "edge", "a b", 2, "tcp dport 25 drop", family="inet"))
    counted = parts(diff_markdown(report(closes(new=six), closes(new=native))))["Which counters and logs validate it"]
    assert "`ip6tables -t filter -vnL FORWARD --line-numbers`, rule 1," in counted
    assert "`nft list chain inet edge 'a b'`, rule 2," in counted


@pytest.mark.parametrize(("count", "text"), [(10_000, ""), (10_000, HOSTILE), (3, HOSTILE), (0, HOSTILE)])
def test_a_page_is_one_that_a_host_takes(count: int, text: str) -> None:
    page = diff_markdown(many(count, text))
    assert len(page) <= MOST_CHARACTERS
    assert list(parts(page))[1:] == QUESTIONS
    shown = page.count("\n| **OPENS**") + page.count("\n| **CLOSES**")
    left = count - shown
    opening = count // 2 - page.count("\n| **OPENS**")
    grave = f", {opening:,} of them open" if opening else ""
    assert (f"\n{left:,} more classes{grave}: the JSON report has them." in page) == (left > 0)


def test_nothing_of_a_file_is_more_than_text() -> None:
    of = report(opens(intended=HOSTILE, new=Side(make.allowed(), make.PUBLISH, HOSTILE)), *many(3, HOSTILE).differences,
                lost=(HOSTILE,), notes=(HOSTILE,), problems=(Problem(HOSTILE),))  # fmt: skip
    page = rendered(diff_markdown(of))
    assert page.active() == []
    assert page.tags <= {"h2", "h3", "p", "strong", "ul", "li", "code", "br", "table", "thead", "tbody", "tr", "th", "td"}
    assert page.attributes == []


def test_what_came_to_no_end_preserves_nothing() -> None:
    page = parts(diff_markdown(report(problems=(Problem("no room"),), exit_code=4)))
    assert "- **problem**: no room" in page[""].splitlines()
    assert page["Which traffic changes"] == "That is not known."
    assert page["Denied behaviour preserved"] == "That is not known: the comparison came to no end."
