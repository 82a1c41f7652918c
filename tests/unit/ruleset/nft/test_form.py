"""The form of an nft script: what nft refuses on any machine."""

from __future__ import annotations

import pytest

from lab.ruleset.nft.form import faults

TABLE = "table inet t {\n\tchain c {\n\t\ttype filter hook input priority 0; policy drop;\n\t\ttcp dport 25 accept\n\t}\n}\n"

WRONG = {
    "a prompt": ("root@edge:~# nft list ruleset\n" + TABLE, 1, "a terminal's prompt", "take the line out"),
    "a mail": ("> table inet edge {\n> }\n", 1, "a mail's quoting", ""),
    "a fence": ("```\n" + TABLE + "```\n", 1, "a code fence", ""),
    "JSON": ('{"nftables": []}\n', 1, "JSON", "without -j"),
    "a shell script": ("#!/bin/sh\nnft add table ip edge\n", 2, "stands in a shell script", "nft list ruleset"),
    "commands": ("nft add table ip edge\n", 1, "a command of a shell script", "nft list ruleset"),
    "commands of iptables": ("iptables -A INPUT -j DROP\n", 1, "a command of a shell script", "iptables-save"),
    "numbered lines": ("1 table inet edge {\n2 }\n", 1, "lines numbered", ""),
    "a byte order mark": ("\ufeff" + TABLE, 1, "byte order mark", ""),
    "CRLF": (TABLE.replace("\n", "\r\n"), 1, "as on Windows", "Unix line ends"),
    "half a script": (TABLE.rstrip("}\n") + "}\n", 1, "never closed", "whole"),
    "a brace too many": (TABLE + "}\n", 7, "closes what nothing has opened", ""),
    "an open quote": ('table inet edge {\n\tchain in {\n\t\tiifname "wan accept\n\t}\n}\n', 3, "a quote is opened", ""),
    "a definition alone": ("define t = edge\n$t\n", 2, "begins no statement", ""),
}


@pytest.mark.parametrize(("text", "line", "words", "mend"), WRONG.values(), ids=WRONG)
def test_what_nft_refuses(text: str, line: int, words: str, mend: str) -> None:
    (fault,) = faults(text)
    assert fault.line == line
    assert words in fault.what
    assert mend in fault.mend


RIGHT = {
    "a table": TABLE,
    "a script": "#!/usr/sbin/nft -f\n# root@edge:~# nft list ruleset\nflush ruleset\n" + TABLE,
    "commands": "add table ip edge\nadd chain ip edge in\nip edge in tcp dport 25 accept\n",
    "a definition": "define ports = { 25,\n\t587 }\n" + TABLE,
    "joined lines": "add \\\ntable ip edge\n\\\nadd table ip other\n",
    "one line": "table ip edge { chain in { }; }; table ip other { }\n",
    "a carriage return in a comment": "# one\r\n" + TABLE,
    "junk in a string": TABLE.replace("accept", 'accept comment "> } { $ ```"'),
}


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_what_nft_reads(text: str) -> None:
    assert faults(text) == ()
