"""What an nft script may hold: the statements that make tables, wherever nft takes one to begin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.ruleset.nft.statements import refused

TABLE = "table inet f {\n chain c { type filter hook input priority 0; policy drop; }\n}\n"
TABLES = [
    "",
    "#!/usr/sbin/nft -f\n\nflush ruleset\n" + TABLE,
    "add table ip a; add chain ip a c { type filter hook input priority 0; }",
    "table ip a\nchain ip a c\nrule ip a c accept\nset ip a s { type ipv4_addr; }",
    "create table ip a\ninsert rule ip a c drop\nreplace rule ip a c handle 2 accept\ndelete table ip a\ndestroy table ip a",
    "define lan = { 10.0.0.1,\n monitor,\n list }\nredefine lan = 10.0.0.1\nundefine lan",
    "add element ip a s { 10.0.0.1,\n\n 10.0.0.2 }",
    "table ip a { }\nadd rule a c accept\na c drop\nip a c drop",
    "flowtable ip a f { hook ingress priority 0; devices = { lan }; }\ncounter ip a n\nquota ip a q { over 1 mbytes }",
    'limit ip a l { rate 1/second }\nct helper ip a h { type "ftp" protocol tcp; }\nmap ip a m { type mark : verdict; }',
    "rename chain ip a c d",
    'secmark ip a s { "x" }\nsynproxy ip a p { mss 1460; wscale 7; }',
    "# monitor\n" + TABLE + "#list ruleset\n",
    'table ip a {\n comment "x; monitor"\n chain c { tcp dport 22 comment "}\nmonitor\n"\n }\n}',
    'table ip a {\n chain c {\n log prefix "list ruleset "\n reset tcp option mss\n }\n}',
    'add rule ip a c \\\nlog prefix "x" \\\naccept',
]
NO_TABLES = [
    ("monitor", "monitor", 1),
    (TABLE + "monitor\n", "monitor", 4),
    (TABLE + "\tmonitor ruleset json", "monitor", 4),
    ("flush ruleset; monitor", "monitor", 1),
    ("flush ruleset;monitor#x", "monitor", 1),
    ("\\\nmonitor", "monitor", 2),
    ("# x \\\nmonitor", "monitor", 2),
    ("table ip a {\n} ; monitor", "monitor", 2),
    ('table ip a { comment "}{" ; }\nmonitor', "monitor", 2),
    ('table ip a { comment "\\" ; }\nmonitor', "monitor", 2),
    ("table ip a { # {\n}\nmonitor", "monitor", 3),
    ("define a = 1\nlist ruleset", "list", 2),
    ("list\\\nruleset", "list", 1),
    ("reset counters", "reset", 1),
    ("get element ip a s { 10.0.0.1 }", "get", 1),
    ("export ruleset vm json", "export", 1),
    ("import ruleset vm json", "import", 1),
    ("describe ip saddr", "describe", 1),
    ('include "/etc/shadow"', "include", 1),
    ('table ip a {\n include "/etc/shadow"\n}', "include", 2),
    ('table ip a {\n chain c { accept; include "x"\n }\n}', "include", 2),
    ("no_such a c accept", "no_such", 1),
    ("# table made_up\nmade_up c accept", "made_up", 2),
    ("iptables -A INPUT -j DROP", "iptables", 1),
]


@pytest.mark.parametrize("text", TABLES)
def test_what_makes_tables(text: str) -> None:
    assert list(refused(text)) == []


@pytest.mark.parametrize(("text", "word", "line"), NO_TABLES)
def test_what_makes_no_table(text: str, word: str, line: int) -> None:
    (one,) = refused(text)
    assert (f"`{word}`" in one.what, one.line, bool(one.mend)) == (True, line, True)


PIECES = ("table ip a", "{", "}", "\n", ";", "#", '"', "\\\n", " ", "x", "include", "monitor")


@given(st.lists(st.sampled_from(PIECES), max_size=14))
def test_no_text_is_too_much(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert all(1 <= one.line <= text.count("\n") + 1 for one in refused(text))
