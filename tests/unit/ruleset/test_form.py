"""The form that iptables-restore reads: what both backends refuse on any machine, and nothing that one of them takes."""

from __future__ import annotations

import pytest

from lab.ruleset.form import faults

HEAD = "*filter\n:INPUT DROP [0:0]\n"
RULE = "-A INPUT -p tcp -m tcp --dport 587 -j ACCEPT\n"
END = "COMMIT\n"
WHOLE = HEAD + RULE + END


def told(text: str) -> list[tuple[int, str]]:
    return [(fault.line, fault.what) for fault in faults(text, "v4")]


# text, the line that is at fault, words of the message and of how to mend it
WRONG = {
    "a shell script": ("#!/bin/sh\niptables -F\n", 2, "stands in a shell script", "iptables-save"),
    "commands": ("iptables -A INPUT -j DROP\n", 1, "a command of a shell script", "iptables-save"),
    "a command by its path": (HEAD + "sudo /sbin/iptables -A INPUT -j DROP\n" + END, 3, "a command of a shell script", ""),
    "iptables -S": ("-P INPUT DROP\n-N web\n-A INPUT -j web\n", 1, "`iptables -S` prints", "iptables-save"),
    "iptables -L": ("Chain INPUT (policy DROP)\ntarget prot opt\n", 1, "`iptables -L` prints", "iptables-save"),
    "a prompt": ("admin@edge:~$ sudo iptables-save\n" + WHOLE, 1, "a terminal's prompt", "take the line out"),
    "a prompt between two hosts": (WHOLE + "edge2:~# iptables-save\n" + WHOLE, 5, "a terminal's prompt", ""),
    "a prompt before iptables -S": ("# \n$ sudo iptables -S\n-P INPUT DROP\n", 2, "`iptables -S` prints", "iptables-save"),
    "typed commands": ("[root@edge ~]# iptables -P INPUT DROP\n", 1, "typed at a terminal", "put the commands into a file"),
    "ufw status": ("Status: active\n", 1, "`ufw status`", "iptables-save"),
    "firewalld": ("dmz (active)\n  target: default\n", 1, "`firewall-cmd --list-all`", "iptables-save"),
    "a fence": ("```\n" + WHOLE + "```\n", 1, "a code fence", ""),
    "a mail": ("> *filter\n> COMMIT\n", 1, "a mail's quoting", ""),
    "numbered lines": (" 1  *filter\n", 1, "lines numbered", ""),
    "a byte order mark": ("\ufeff" + WHOLE, 1, "byte order mark", "UTF-8"),
    "HTML": ("<pre>\n" + WHOLE, 1, "HTML", ""),
    "CRLF": (WHOLE.replace("\n", "\r\n"), 1, "as on Windows", "Unix line ends"),
    "prose": ("Please help:\n" + WHOLE, 1, "outside any table", "*filter"),
    "prose within": (HEAD + "(and so on)\n" + END, 3, "no rule and no chain of *filter", ""),
    "a table that is indented": (" " + WHOLE, 1, "outside any table", "without blanks"),
    "a comment that is indented": (HEAD + "  # open\n" + END, 3, "blanks around it", ""),
    "blanks alone": (HEAD + "   \n" + END, 3, "a line of blanks alone", "empty line"),
    "COMMIT and a remark": (HEAD + "COMMIT  # done\n", 3, "no rule", ""),
    "no COMMIT": (HEAD + RULE, 3, "COMMIT that ends *filter is missing", "whole"),
    "no COMMIT before a table": (HEAD + "*nat\nCOMMIT\n", 3, "COMMIT that ends *filter is missing", ""),
    "a chain without its policy": ("*filter\n:web\n" + END, 2, "without its policy", ":FORWARD DROP"),
    "a chain that nobody declared": (HEAD + "-A web -j DROP\n" + END, 3, "the chain web does not exist", ":web - [0:0]"),
    "a jump to none": (HEAD + "-A INPUT -j no-mail\n" + END, 3, "the chain no-mail does not exist", ":no-mail - [0:0]"),
    "a chain of another table": ("*nat\n-A FORWARD -j ACCEPT\n" + END, 2, "FORWARD does not exist in *nat", ""),
    "a wrapped rule": (HEAD + "-A INPUT -p tcp -m tcp --dport 587 -j\nACCEPT\n" + END, 3, "before the value", "join"),
    "the end of a wrapped rule": (HEAD + "-A INPUT -p tcp\n-j ACCEPT\n" + END, 4, "without its beginning", "join"),
    "-t in a rule": (HEAD + "-t filter -A INPUT -j DROP\n" + END, 3, "names a table with -t", "take `-t TABLE` out"),
    "dashes of print": (HEAD + "\u2013A INPUT -j DROP\n" + END, 3, "dashes of print", ""),
    "dashes of print later": (HEAD + "-A INPUT \u2013i lo -j DROP\n" + END, 3, "dashes of print", ""),
    "quotes of HTML": (HEAD + "-A INPUT -m comment --comment &quot;from home&quot; -j DROP\n" + END, 3, "&quot;", '`"`'),
}


@pytest.mark.parametrize(("text", "line", "words", "mend"), WRONG.values(), ids=WRONG)
def test_what_no_backend_takes(text: str, line: int, words: str, mend: str) -> None:
    (fault,) = faults(text, "v4")
    assert fault.line == line
    assert words in fault.what
    assert mend in fault.mend


# all of these were loaded by iptables-nft-restore 1.8.9, or by iptables-legacy-restore, or by both
RIGHT = {
    "a dump": WHOLE,
    "nothing": "",
    "comments alone": "# none yet\n\n",
    "no newline at its end": WHOLE.rstrip("\n"),
    "a policy set within": HEAD + "-P INPUT ACCEPT\n" + END,
    "a chain made within": HEAD + "-N web\n-A web -j DROP\n-A INPUT -g web\n" + END,
    "a chain renamed": HEAD + "-N web\n-E web www\n-A www -j DROP\n" + END,
    "an indented rule": HEAD + "  " + RULE + END,
    "a table with a remark": "*filter # mine\n" + RULE + END,
    "counters": HEAD + "[3:144] " + RULE + "[0:0]" + RULE + END,
    "options in another order": HEAD + "-p tcp -A INPUT -j ACCEPT\n! -s 10.4.0.0/16 -A INPUT -j DROP\n" + END,
    "long options": HEAD + "--append INPUT --jump DROP\n--app INPUT --ju DROP\n" + END,
    "a carriage return in a comment": "# one\r\n" + WHOLE,
    "an unknown target in capitals": HEAD + "-A INPUT -j FULLCONENAT\n" + END,
    "a chain's name in a comment": HEAD + '-A INPUT -m comment --comment "goes -j nowhere" -j DROP\n' + END,
    "a comment like a jump": HEAD + "-A INPUT -m comment --comment -t -j DROP\n" + END,
    "HTML in a quoted comment": HEAD + '-A INPUT -m comment --comment "a &quot;b c&quot;" -j DROP\n' + END,
    "a comment that ends in a newline": HEAD + '-A INPUT -m comment --comment "two\n" -j DROP\n' + END,
    "a dash of print as a chain's name": HEAD + ":\u2013x - [0:0]\n-A \u2013x -j DROP\n" + END,
    "a table twice": WHOLE + WHOLE,
}


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_what_some_backend_takes(text: str) -> None:
    assert told(text) == []


def test_each_missing_chain_is_told_once_and_all_of_them() -> None:
    text = HEAD + "-A INPUT -j web\n-A INPUT -j mail\n-A web -j DROP\n" + END
    assert [line for line, _ in told(text)] == [3, 4]


def test_only_the_first_line_of_a_script_is_told() -> None:
    assert len(told("#!/bin/bash\n" + "iptables -A INPUT -j DROP\n" * 50)) == 1


def test_a_long_line_is_not_shown_whole() -> None:
    ((_, what),) = told("x" * 50_000 + "\n")
    assert len(what) < 200
