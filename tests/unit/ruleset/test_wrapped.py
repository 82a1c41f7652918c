"""Rules that were broken into several lines: one line again where that is certain, and left to iptables where it is not."""

from __future__ import annotations

import pytest

from lab.ruleset.form import faults
from lab.ruleset.mend import mend
from lab.ruleset.wrapped import WHAT

HEAD = "*filter\n:INPUT DROP [0:0]\n:guests - [0:0]\n"
END = "-A INPUT -i lo -j ACCEPT\nCOMMIT\n"
RULE = '-A INPUT ! -s 10.0.0.0/8 -p tcp -m tcp --dport 587 --tcp-flags SYN,ACK SYN -m comment --comment "the mail" -j guests'
WHOLE = HEAD + RULE + "\n" + END


def broken(*places: str) -> str:
    """The rule with a line's end for the blank behind each of these pieces of it."""
    text = RULE
    for place in places:
        assert f"{place} " in text
        text = text.replace(f"{place} ", f"{place}\n", 1)
    return HEAD + text + "\n" + END


@pytest.mark.parametrize(
    "text",
    [
        broken("-j"),
        broken("-A"),
        broken("!"),
        broken("-s"),
        broken("tcp", "--dport"),
        broken("-m tcp"),
        broken("--tcp-flags"),
        broken("SYN,ACK"),
        broken("--comment"),
        broken('"the'),
        broken('mail"'),
        broken("10.0.0.0/8", "587", 'mail"'),
        broken("-j").replace("-j\n", "-j \n"),
        broken("-j").replace("-j\n", "-j\n    "),
        "".join(f"> {line}\n" for line in broken("-j").splitlines()),
        broken("-j").replace("\n", "\r\n"),
    ],
)
def test_a_broken_rule_is_one_line_again(text: str) -> None:
    found = mend(text)
    assert found.text == WHOLE
    assert [one.line for one in found.repairs if one.what == WHAT] == [4]
    assert found.lines[3] == 4
    assert text.split("\n")[found.lines[4] - 1].rstrip("\r").removeprefix("> ") == "-A INPUT -i lo -j ACCEPT"


def test_what_follows_a_target() -> None:
    rule = '-A INPUT -j LOG\n--log-prefix "in: " --log-uid\n'
    assert mend(HEAD + rule + END).text == HEAD + rule.replace("LOG\n", "LOG ") + END
    rule = "-A INPUT -p tcp -j REJECT --reject-with\ntcp-reset\n"
    assert mend(HEAD + rule + END).text == HEAD + rule.replace("with\n", "with ") + END


# it may have been two rules, one of which has lost a part; or a blank more would change what is matched
UNCERTAIN = {
    "a second target": "-A INPUT -p tcp -j DROP\n-s 10.0.0.1/32 -j ACCEPT\n",
    "a condition behind a verdict": "-A INPUT -p tcp -j DROP\n--dport 25\n",
    "no target": "-A INPUT -p\ntcp\n",
    "a word that follows a value": "-A INPUT -s 10.0.0.1/32\n10.0.0.2/32 -j DROP\n",
    "within a word": "-A INPUT --ctstate RELATED,\nESTABLISHED -j ACCEPT\n",
    "within a pattern": '-A INPUT -m string --algo bm --string "GET\n/x" -j DROP\n',
    "a quote that is never closed": '-A INPUT -m comment --comment "one\n-A INPUT -m comment --comment "two" -j DROP\n',
    "prose": "-A INPUT -p tcp -j DROP\nand so on\n",
    "an excerpt": "-A INPUT -p tcp -m tcp --dport\n...\n",
    "an excerpt before a target": "-A INPUT -p tcp -m tcp --dport\n...\n-j DROP\n",
    "a comment between": "-A INPUT -p tcp -j\n# to be\nDROP\n",
    "an empty line between": "-A INPUT -p tcp -j\n\nDROP\n",
    "another option": "-A INPUT -p\n-j DROP\n",
}


@pytest.mark.parametrize("rules", UNCERTAIN.values(), ids=UNCERTAIN)
def test_what_is_not_certain_stays(rules: str) -> None:
    assert mend(HEAD + rules + END).text == HEAD + rules + END


@pytest.mark.parametrize(
    "rules", ["-A INPUT -p tcp\n-A INPUT -j DROP\n", "-A INPUT\n[0:0] -A INPUT -j DROP\n", "-A INPUT -p tcp --syn\n"]
)
def test_whole_rules_stay(rules: str) -> None:
    assert mend(HEAD + rules + END).text == HEAD + rules + END


def test_nothing_is_joined_outside_of_tables() -> None:
    text = HEAD + END + "-A INPUT -p tcp -j\nDROP\n"
    assert WHAT not in {one.what for one in mend(text).repairs}
    assert faults(mend(text).text, "v4")


def test_broken_rules_of_a_listing() -> None:
    text = "-P INPUT DROP\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n-A INPUT -p tcp -m tcp\n--dport 25 -j ACCEPT\n"
    assert "-A INPUT -p tcp -m tcp --dport 25 -j ACCEPT\nCOMMIT\n" in mend(text).text
