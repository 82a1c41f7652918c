"""Two listings of the same nft ruleset have one normal form, and of others another one."""

from __future__ import annotations

from textwrap import dedent

import pytest

from lab.errors import MeasurementError
from lab.record.node_state import ChangedBy
from lab.ruleset.nft.normal_form import has_values, of_nft, values_of

LISTED = """\
table ip filter {
\tchain INPUT {
\t\ttype filter hook input priority filter; policy accept;
\t\tcounter drop
\t}
}
table inet own { # progname lab
\tflags dormant

\tcounter web {
\t}

\tmap m {
\t\ttype ipv4_addr : verdict
\t\telements = { 192.0.2.2 : jump x, 192.0.2.1 : accept comment "a, } b" }
\t}

\tset seen {
\t\ttype ipv4_addr
\t\tflags dynamic,timeout
\t\ttimeout 1m
\t\telements = { 192.0.2.9 expires 59s972ms,
\t\t\t     192.0.2.8 timeout 2m expires 7s }
\t}

\tset banned {
\t\ttype ipv4_addr
\t\tflags timeout
\t\telements = { 192.0.2.1 timeout 1h expires 3s, 192.0.2.2 comment "expires 3s, timeout 1h" }
\t}

\tchain x {
\t}

\tchain input {
\t\tcomment "comes { in"
\t\ttype filter hook input priority filter; policy drop;
\t\tadd @seen { ip saddr }
\t\ttcp dport 1 jump {
\t\t\ttcp sport 2 goto {
\t\t\t\taccept
\t\t\t}
\t\t\tdrop
\t\t}
\t\tcounter accept comment "two
lines }"
\t}
}
"""


def told(listing: str) -> dict[str, ChangedBy]:
    return {f"{part.shown} {line}": part.changed_by for part in of_nft(listing, ()) for line in part.lines}


def test_each_thing_of_a_table_is_told_on_a_line() -> None:
    own = {line: by for line, by in told(LISTED).items() if "inet own" in line}
    assert own == {
        "nft table inet own { flags dormant }": ChangedBy.NOBODY,
        "nft counter inet own web { }": ChangedBy.NOBODY,
        "nft map inet own m { type ipv4_addr : verdict }": ChangedBy.NOBODY,
        "nft element inet own m 192.0.2.2 : jump x": ChangedBy.NOBODY,
        'nft element inet own m 192.0.2.1 : accept comment "a, } b"': ChangedBy.NOBODY,
        "nft set inet own seen { type ipv4_addr; flags dynamic,timeout; timeout 1m }": ChangedBy.NOBODY,
        "nft element inet own seen 192.0.2.9": ChangedBy.PACKETS,
        "nft element inet own seen 192.0.2.8 timeout 2m": ChangedBy.PACKETS,
        "nft set inet own banned { type ipv4_addr; flags timeout }": ChangedBy.NOBODY,
        "nft element inet own banned 192.0.2.1 timeout 1h": ChangedBy.TIME,
        'nft element inet own banned 192.0.2.2 comment "expires 3s, timeout 1h"': ChangedBy.NOBODY,
        "nft inet own x ": ChangedBy.NOBODY,
        'nft inet own input { comment "comes { in"; type filter hook input priority filter; policy drop; }': ChangedBy.NOBODY,
        "nft inet own input add @seen { ip saddr }": ChangedBy.NOBODY,
        "nft inet own input tcp dport 1 jump { tcp sport 2 goto { accept } drop }": ChangedBy.NOBODY,
        'nft inet own input counter accept comment "two\nlines }"': ChangedBy.NOBODY,
    }


def test_a_table_of_iptables_is_told_elsewhere_but_for_what_is_not_its_own() -> None:
    chains = {("ip", "filter", "INPUT")}
    assert [part.shown for part in of_nft(LISTED, chains) if "filter" in part.shown] == []
    mixed = LISTED.replace("table ip filter {\n", "table ip filter {\n\tchain more {\n\t\tdrop\n\t}\n")
    assert [part.lines for part in of_nft(mixed, chains) if "filter" in part.shown] == [("", "drop")]


def test_a_hidden_table_is_not_told() -> None:
    assert list(of_nft(LISTED, (), lambda table: table in (("inet", "own"), ("ip", "filter")))) == []


def test_the_order_of_tables_sets_and_elements_is_out_and_that_of_rules_is_in() -> None:
    other = LISTED.replace("192.0.2.9 expires 59s972ms", "192.0.2.9 expires 1s")
    one, two = "192.0.2.2 : jump x", '192.0.2.1 : accept comment "a, } b"'
    other = other.replace(f"{one}, {two}", f"{two}, {one}")
    begin = other.index("table inet")
    other = other[begin:] + other[:begin]

    def parts(listing: str) -> list[str]:
        return sorted(str(part) for part in of_nft(listing, ()))

    assert parts(other) == parts(LISTED)
    assert parts(LISTED.replace("tcp sport 2", "tcp sport 3")) != parts(LISTED)


def test_values_of_counters_and_quotas_are_what_packets_make() -> None:
    listing = dedent("""\
        table ip t {
        \tcounter web {
        \t\tpackets 5 bytes 300
        \t}

        \tquota most {
        \t\tover 100 mbytes used 10 bytes
        \t}
        }
        """)
    assert has_values(listing)
    assert not has_values("table ip t {\n\tchain counter {\n\t}\n}\n")
    assert [(part.shown, part.lines, part.changed_by) for part in values_of(listing)] == [
        ("nft counter ip t web:", ("packets 5 bytes 300",), ChangedBy.PACKETS),
        ("nft quota ip t most:", ("over 100 mbytes used 10 bytes",), ChangedBy.PACKETS),
    ]
    assert list(values_of(listing, lambda table: table == ("ip", "t"))) == []


@pytest.mark.parametrize("listing", ["tables ip t {\n}\n", "table ip t {\n\tchain c {\n", "table ip t {\n\tchain c {\n}\n"])
def test_what_is_no_listing_is_an_error(listing: str) -> None:
    with pytest.raises(MeasurementError):
        list(of_nft(listing, ()))
