"""Entities of HTML, and the numbers of lines, in dumps that were taken from a page or a print."""

from __future__ import annotations

import html
import re

import pytest

from lab.ruleset.entities import WHAT
from lab.ruleset.mend import mend
from lab.ruleset.numbered import without_numbers

RULE = '-A INPUT -m comment --comment "it\'s <mail> & more" -j ACCEPT'
DUMP = f"# mine\n*filter\n:INPUT DROP [0:0]\n\n{RULE}\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n"


def rule_of(rule: str) -> str:
    return mend(f"*filter\n:INPUT DROP [0:0]\n{rule}\nCOMMIT\n").text.split("\n")[2]


def test_a_page_s_source_becomes_what_it_shows() -> None:
    found = mend(html.escape(DUMP))
    assert found.text == DUMP
    assert [(one.line, one.what) for one in found.repairs] == [(5, WHAT)]


@pytest.mark.parametrize(
    ("rule", "plain"),
    [
        ("&ndash;A INPUT &ndash;&ndash;dport 25 &#8211;j DROP", "-A INPUT --dport 25 -j DROP"),
        ("-A INPUT -m comment --comment &quot;one&quot; -j DROP", '-A INPUT -m comment --comment "one" -j DROP'),
        ("-A INPUT -m comment --comment &quot;a &amp;gt; b&quot;", '-A INPUT -m comment --comment "a &gt; b"'),
        ("-A INPUT&nbsp;-i lo -j DROP", "-A INPUT -i lo -j DROP"),
        ("&#45;A INPUT -j DROP", "-A INPUT -j DROP"),
    ],
)
def test_each_entity_is_a_character(rule: str, plain: str) -> None:
    assert rule_of(rule) == plain


@pytest.mark.parametrize(
    "rule",
    [
        '-A INPUT -m comment --comment "a &gt; b &quot;c&quot;" -j DROP',
        "-A INPUT -m comment --comment a&gt;b -j DROP",
        '-A INPUT -m comment --comment "x" --comment &quot;y z&quot; -j DROP',
        "-A INPUT -m comment --comment &quot;R&D wants it&quot; -j DROP",
        "-A INPUT -m comment --comment &quot;open -j DROP",
        "# &quot;as it was&quot;",
    ],
)
def test_what_may_be_meant_as_it_is_stays(rule: str) -> None:
    assert rule_of(rule) == rule


def test_a_mail_s_quoting_in_entities() -> None:
    assert mend("".join(f"&gt; {line}\n" for line in DUMP.splitlines())).text == DUMP


NUMBERED = {
    "cat -n": lambda number, line: f"{number:6}\t{line}",
    "grep -n": lambda number, line: f"{number}:{line}",
    "less -N": lambda number, line: f"{number:7} {line}",
    "a margin": lambda number, line: f" {number}. {line}",
    "a margin with a bar": lambda number, line: f"{number}| {line}",
    "from the middle of a file": lambda number, line: f"{number + 90}: {line}",
    "with gaps": lambda number, line: f"{number * 3}  {line}",
    "and carriage returns": lambda number, line: f"{number}\t{line}\r",
}


@pytest.mark.parametrize("form", NUMBERED.values(), ids=NUMBERED)
def test_numbers_in_front_are_taken_away(form: object) -> None:
    assert callable(form)
    found = mend("".join(f"{form(number, line)}\n" for number, line in enumerate(DUMP.splitlines(), start=1)))
    assert found.text == DUMP
    assert "the number in front of each of 7 lines is taken away" in {one.what for one in found.repairs}
    assert found.lines == tuple(range(1, 9))


def test_empty_lines_may_have_none() -> None:
    lines = [line for line in DUMP.splitlines() if line]
    text = "".join(f"{number}\t{line}\n" for number, line in enumerate(lines, start=1))
    assert mend(text.replace("4\t", "\n4\t")).text == DUMP


@pytest.mark.parametrize(
    "text",
    [
        "1 *filter\n3 :INPUT DROP [0:0]\n2 COMMIT\n",
        "1 *filter\n:INPUT DROP [0:0]\n3 COMMIT\n",
        "1 *filter\n",
        "1 filter\n2 COMMIT\n",
        "1*filter\n2COMMIT\n",
    ],
)
def test_what_is_not_numbered_throughout_stays(text: str) -> None:
    assert without_numbers(text, re.compile(r"\*")) is None
