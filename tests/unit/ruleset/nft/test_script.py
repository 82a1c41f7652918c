"""Where the rules of an nft script begin."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.ruleset.nft.script import line_of, with_line_counters

_COUNTER = re.compile(r"counter packets (\d+) bytes 0 ")


def counted(text: str) -> list[tuple[int, str]]:
    """Line and first word of each rule that was given a counter; nothing else may have changed."""
    copy = with_line_counters(text)
    assert _COUNTER.sub("", copy) == text
    assert copy.count("\n") == text.count("\n")
    return [(int(found[1]), re.split(r"[\s;]", copy[found.end():], maxsplit=1)[0]) for found in _COUNTER.finditer(copy)]


def in_chain(*lines: str) -> str:
    """Lines within a chain; the first is line 3 of the script."""
    return "\n".join(("table inet t {", "\tchain c {", *lines, "\t}", "}", ""))


def test_each_rule_of_a_chain_tells_its_line() -> None:
    text = in_chain("\t\tct state established accept", "", "\t\ttcp dport 22 accept # ssh", "\t\t# drop", "\t\tdrop")
    assert counted(text) == [(3, "ct"), (5, "tcp"), (7, "drop")]


@pytest.mark.parametrize("line", [
    "type filter hook input priority 0; policy drop;",
    "type filter hook ingress device lo priority -500",
    "type filter hook ingress devices = { lo, eth0 } priority filter; policy accept",
    'comment "accept; drop"',
    "policy drop",
    "flags offload;",
    "define web = { 80, 443 }",
    'redefine web = 80; undefine web; include "x.nft"',
    "# tcp dport 22 accept",
    ";;",
    '"lo" accept',
    "{ 1, 2 } accept",
])  # fmt: skip
def test_what_is_no_rule_has_no_line(line: str) -> None:
    assert counted(in_chain(line)) == []


def test_rules_that_share_a_line() -> None:
    assert counted("table t { chain c { type filter hook input priority 0; drop; return;accept; }; }\n") == [
        (1, "drop"), (1, "return"), (1, "accept"),
    ]  # fmt: skip


def test_rules_over_several_lines_begin_on_their_first() -> None:
    text = in_chain(
        "ip saddr { 192.0.2.1, # one", "  192.0.2.2;", "} tcp dport vmap {", "  22 : jump d, 80 : drop", "}",
        "udp dport 53 \\", "  accept \\", '  comment "x', 'drop"', "return",
    )  # fmt: skip
    assert counted(text) == [(3, "ip"), (8, "udp"), (12, "return")]


def test_a_backslash_in_a_comment_joins_nothing() -> None:
    assert counted(in_chain("# x \\", "accept # y \\", "drop")) == [(4, "accept"), (5, "drop")]


def test_quotes_and_comments_hide_what_is_in_them() -> None:
    text = in_chain('accept comment "a { # ; b"', 'log prefix "}" drop # "', "return")
    assert [line for line, _ in counted(text)] == [3, 4, 5]


def test_a_word_of_a_chain_is_none_at_the_beginning_of_a_longer_one() -> None:
    assert [line for line, _ in counted(in_chain("flags_like accept", "$policy accept", "@th,16,16 53 accept"))] == [3, 4, 5]


def test_other_blocks_of_a_table_are_no_chains() -> None:
    text = (
        'table inet t {\n comment "x"\n flags dormant\n'
        " set s {\n  type ipv4_addr\n  elements = {\n   192.0.2.1,\n  }\n }\n"
        " map m { type inet_service : verdict; elements = { 22 : accept }; }\n"
        " counter hits {\n  packets 5 bytes 9\n }\n quota q { over 25 mbytes; }\n limit l {\n rate 10/second\n }\n"
        ' ct helper ftp {\n  type "ftp" protocol tcp\n }\n flowtable f {\n  hook ingress priority 0\n }\n'
        " chain c {\n  accept\n }\n}\n"
    )  # fmt: skip
    copy = with_line_counters(text)
    assert _COUNTER.findall(copy) == ["25"]
    assert _COUNTER.sub("", copy) == text.replace("packets 5", "packets 0")


@pytest.mark.parametrize(("command", "rule"), [
    ("add rule inet t c accept", "accept"),
    ("add rule t c tcp dport 22 accept", "tcp"),
    ("add inet t c accept", "accept"),
    ("inet t c ip saddr 192.0.2.1 drop", "ip"),
    ("t c drop", "drop"),
    ("rule inet t c drop", "drop"),
    ("insert rule ip6 t c index 3 drop", "drop"),
    ("insert rule ip6 t c position 3 drop", "drop"),
    ("add rule bridge t c handle 3 drop", "drop"),
    ("replace rule netdev t c handle 0x3 drop", "drop"),
    ("add rule t c \\\n  drop", "drop"),
    ("add \\\n rule t \\\n c index \\\n 3 drop", "drop"),
    ("add rule t c ip saddr { 192.0.2.1,\n 192.0.2.2 } drop", "ip"),
])  # fmt: skip
def test_commands_that_add_a_rule(command: str, rule: str) -> None:
    assert counted(f"flush ruleset\n{command}\nlist ruleset\n") == [(2, rule)]


@pytest.mark.parametrize("command", [
    "add table inet t", "create table inet t", "add chain inet t c", "delete rule inet t c handle 3", "flush chain t c",
    "add chain inet t c { type filter hook input priority 0; policy drop; }", "add set inet t s { type ipv4_addr; }",
    "add element inet t s { 192.0.2.1 }", "element inet t s { 192.0.2.1 }", "add counter inet t hits", "define x = 3",
    "add map inet t m { type ipv4_addr : verdict; elements = { 192.0.2.1 : drop } }", "reset counters table inet t",
    'add ct helper inet t ftp { type "ftp" protocol tcp; }', "destroy table inet t", "rename chain inet t c d",
    "add flowtable inet t f { hook ingress priority 0; devices = { lo }; }", 'include "x y z"', "insert rule t",
])  # fmt: skip
def test_other_commands_add_none(command: str) -> None:
    assert counted(f"{command}\n") == []


def test_a_chain_command_may_hold_rules() -> None:
    assert counted("add chain inet t c { type filter hook input priority 0; accept; }\n") == [(1, "accept")]
    assert counted("create chain t c {\n drop\n}\nt c return\n") == [(2, "drop"), (4, "return")]


def test_rules_of_a_block_that_is_jumped_to() -> None:
    text = in_chain(
        "tcp dport { 22, 23 } jump {", "  ip saddr { 192.0.2.1,", "    192.0.2.2 } accept", "  drop; return",
        '} comment "x"', "jump { drop; }; accept",
    )  # fmt: skip
    assert [line for line, _ in counted(text)] == [3, 4, 6, 6, 8, 8, 8]
    assert [line for line, _ in counted("add rule t c goto {\n accept\n}; t c drop\n")] == [1, 2, 3]


def test_a_verdict_map_holds_no_rules() -> None:
    assert counted(in_chain("tcp dport vmap { 22 : jump d, 23 : goto e }", "drop")) == [(3, "tcp"), (4, "drop")]


def test_a_rule_keeps_its_own_counter() -> None:
    copy = with_line_counters(in_chain("counter packets 9 bytes 8 accept", 'counter name "hits" accept'))
    assert "counter packets 3 bytes 0 counter packets 9 bytes 8 accept" in copy
    assert 'counter packets 4 bytes 0 counter name "hits" accept' in copy


def test_a_counter_where_no_rule_is_known_cannot_pass_for_a_line() -> None:
    future = 'launch rule inet t c counter packets 7 bytes 8 accept comment "counter packets 9" # packets 9\n'
    assert with_line_counters(future) == future.replace("packets 7", "packets 0")
    table = f"table inet t {{\n gadget g {{\n {future}}}\n}}\n"
    assert with_line_counters(table) == table.replace("packets 7", "packets 0")


def test_several_tables_with_one_after_the_other_on_a_line() -> None:
    text = (
        "table a { chain c { drop; }; }; table netdev b { chain c { drop; }; }\n"
        "add table bridge d {\nchain e {\ndrop\n}\n}\n"
    )
    assert [line for line, _ in counted(text)] == [1, 1, 4]


@pytest.mark.parametrize("text", [
    "", "\n", "}", "} }\ntable t {\n", "table t {", "{", '"', 'accept "x', "\\", "table t { chain c { accept }",
    "table t {\n chain c {\n accept\n }\n}\n}\nt c accept\n",
])  # fmt: skip
def test_what_nft_refuses_keeps_its_lines(text: str) -> None:
    counted(text)


def test_lines_are_told_by_the_first_counter() -> None:
    assert line_of("counter packets 12 bytes 0 counter packets 5 bytes 9 accept") == 12
    assert line_of("meta l4proto tcp counter packets 7 bytes 0 reject with tcp reset") == 7
    assert line_of("counter packets 0 bytes 0 accept") is None
    assert line_of('accept comment "counter packets 3 bytes 0"') is None
    assert line_of("accept") is None


_pieces = st.sampled_from([
    "table t {", "chain c {", "}", "\n", ";", " accept ", " { 1, 2 } ", "{", '"a;{"', "# x {\n", "\\\n", "add rule t c ",
    "jump {", " drop", "type filter hook input priority 0;", "define x = {", '"', "set s {",
])  # fmt: skip


@given(st.lists(_pieces, max_size=30))
def test_nothing_but_counters_is_ever_added(pieces: list[str]) -> None:
    text = "".join(pieces)
    for line, _ in counted(text):
        assert 1 <= line <= text.count("\n") + 1


def test_a_hundred_thousand_lines() -> None:
    rules = [f'ip saddr 10.0.{n >> 8 & 255}.{n & 255} tcp dport {{ 80, 443 }} accept comment "r{n}"' for n in range(100_000)]
    text = in_chain(*rules)
    begun = time.process_time()
    copy = with_line_counters(text)
    assert time.process_time() - begun < 5  # 0.8 s on a machine that does nothing else
    assert copy.split("\n")[100_001].startswith("counter packets 100002 bytes 0 ip saddr")
