from __future__ import annotations

import random
from collections import Counter

import pytest

from ci.mutants.operators import OPERATORS, leading_to, mutant

TEXT = """*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -i wan0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.41.0.7
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:web - [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 10.41.0.0/24 -i wan0 -j web
-A FORWARD -s 10.41.0.0/24 -i lan0 -j ACCEPT
-A web -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT"""
LINES = TEXT.split("\n")


def test_each_operator_comes_about_as_often_and_changes_one_place() -> None:
    chance = random.Random(4)
    found = [mutant(LINES, chance) for _ in range(300)]
    counts = Counter(one.operator for one in found)
    assert counts.keys() == {*OPERATORS, "swap"}
    assert min(counts.values()) > 300 / len(counts) / 2
    for one in found:
        changed = [at for at, (old, new) in enumerate(zip(LINES, one.lines, strict=True), 1) if old != new]
        assert changed == ([one.line, one.line + 1] if one.operator == "swap" else [one.line])


@pytest.mark.parametrize(
    ("operator", "line", "changed"),
    [
        ("flip", "-A web -p tcp -m tcp --dport 443 -j ACCEPT", "-A web -p tcp -m tcp --dport 443 -j DROP"),
        ("negation", "-A web ! -s 10.41.0.9/32 -j DROP", "-A web -s 10.41.0.9/32 -j DROP"),
        ("protocol", "-A web -p tcp -m tcp --dport 443 -j ACCEPT", "-A web -p udp -m udp --dport 443 -j ACCEPT"),
        ("protocol", "-A web -p tcp -j REJECT --reject-with tcp-reset", None),
        ("state", "-A web -m conntrack --ctstate NEW -j ACCEPT", "-A web -m conntrack --ctstate ESTABLISHED -j ACCEPT"),
        ("prefix", "-A web -s 0.0.0.0/4 -j DROP", None),
    ],
)  # fmt: skip
def test_an_operator_slips_where_it_fits(operator: str, line: str, changed: str | None) -> None:
    assert OPERATORS[operator](line, random.Random(1), ["wan0", "lan0"]) == changed


def test_the_rules_that_lead_to_a_chain_are_looked_at_with_its_own() -> None:
    assert leading_to(LINES, LINES.index("-A web -p tcp -m tcp --dport 443 -j ACCEPT") + 1) == [LINES[9]]
