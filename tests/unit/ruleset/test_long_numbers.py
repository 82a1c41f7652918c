"""Numbers of thousands of digits, which Python refuses to read, in what strangers write and in what tools quote of it."""

from __future__ import annotations

import pytest

from lab.errors import InputError, Where
from lab.ruleset import refusal
from lab.ruleset.ipset import locate as locate_ipset
from lab.ruleset.nft import refusal as nft_refusal
from lab.ruleset.render import Rendered
from lab.ruleset.rule import read_ports
from lab.ruleset.save import read_save
from lab.written.fields import mark_of
from lab.written.icmp_types import parse_icmp
from lab.written.rule_lines import parse_rules
from lab.written.service import parse_ports

LONG = "9" * 5000


def test_counters_of_a_ruleset() -> None:
    with pytest.raises(InputError, match=r"counters that are not of the form"):
        read_save(f"*filter\n[{LONG}:0] -A INPUT -j ACCEPT\nCOMMIT\n")


def test_the_place_of_an_insert() -> None:
    chain = read_save(f"*filter\n-I INPUT {LONG} -j ACCEPT\nCOMMIT\n")
    assert LONG in str(chain)


def test_ports_of_a_rule() -> None:
    assert read_ports(LONG) is None
    assert read_ports(f"80,{LONG}:") is None
    assert read_ports("80,1024:65535") == ((80, 80), (1024, 65535))


def test_what_tools_say() -> None:
    text = Rendered("x\n", ("p.rules:1",), "p.rules")
    problems = (
        refusal.locate(f"Error occurred at line: {LONG}", text),
        locate_ipset(f"Error in line {LONG}: no", text),
        nft_refusal.locate(f"/dev/stdin:{LONG}:1-2: Error: no", text),
    )
    assert [problem.where for problem in problems] == [Where("p.rules")] * 3


@pytest.mark.parametrize("written", [LONG, f"0x{LONG}"])
def test_marks_types_tables_and_ports(written: str) -> None:
    with pytest.raises(ValueError, match="is not a mark"):
        mark_of(written)
    with pytest.raises(ValueError, match="must be a number"):
        parse_rules(f"fwmark 1 lookup {written}")
    with pytest.raises(ValueError, match="is not a port"):
        parse_ports(written)
    with pytest.raises(ValueError, match="icmp"):
        parse_icmp(f"icmp/{written}.0", "icmp", f"{written}.0")
