"""Which addresses rules may tell a service's packets apart by."""

from __future__ import annotations

import pytest

from lab.ruleset.addresses import address_words
from lab.study.reaching.constants import constants_of
from tests.unit.ruleset.made import saved

ESTABLISHED = "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"


def named(*rules: str, proto: str = "tcp", port: int = 22, every: bool = False, tables: str = "") -> tuple[set[str], set[str]]:
    text = "\n".join([tables + "*filter", ":FORWARD DROP [0:0]", ":INPUT DROP [0:0]", ":own - [0:0]", *rules, "COMMIT", ""])
    found = constants_of(saved(text), {}, 4, proto, ((port, port),), every=every)
    return words(found.sources), words(found.destinations)


def words(sets: tuple[tuple[tuple[int, int], ...], ...]) -> set[str]:
    return {word for one in sets for word in address_words(one, 4)}


def test_a_rule_about_the_service_tells_both_ends() -> None:
    rule = "-A FORWARD -s 203.0.113.0/24 -d 10.4.0.9/32 -p tcp --dport 22 -j ACCEPT"
    assert named(ESTABLISHED, rule) == ({"203.0.113.0/24"}, {"10.4.0.9"})


@pytest.mark.parametrize(
    "rule",
    [
        "-A FORWARD -s 203.0.113.9/32 -p tcp --dport 80 -j ACCEPT", "-A FORWARD -s 203.0.113.9/32 -p udp --dport 22 -j ACCEPT",
        "-A FORWARD -s 203.0.113.9/32", "-A FORWARD -s 203.0.113.9/32 -m conntrack --ctstate ESTABLISHED -j ACCEPT",
    ],
)  # fmt: skip
def test_a_rule_about_something_else_tells_nothing_unless_all_are_asked(rule: str) -> None:
    assert named(ESTABLISHED, rule) == (set(), set())
    assert named(ESTABLISHED, rule, every=True)[0] == {"203.0.113.9"}


def test_a_rule_about_the_answer_tells_the_ends_the_other_way_round() -> None:
    rule = "-A FORWARD -s 10.4.0.9/32 -d 203.0.113.0/24 -p tcp --sport 22 -j ACCEPT"
    assert named(rule) == ({"10.4.0.9", "203.0.113.0/24"}, {"10.4.0.9", "203.0.113.0/24"})
    broad = "-A FORWARD -s 10.4.0.9/32 -d 203.0.113.0/24 -p tcp --sport 22 -m conntrack --ctstate ESTABLISHED -j DROP"
    assert named(broad) == ({"203.0.113.0/24"}, {"10.4.0.9"})


@pytest.mark.parametrize(
    ("before", "proto", "is_met"),
    [
        (ESTABLISHED, "tcp", False), (ESTABLISHED, "udp", False),
        ("-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT", "tcp", False),
        ("-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT", "udp", True),  # the error that nobody listens is related
        ("-A FORWARD -i lan0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "tcp", True),
        ("-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -m limit --limit 1/s -j ACCEPT", "tcp", True),
        ("-A FORWARD -m conntrack ! --ctstate RELATED,ESTABLISHED -j ACCEPT", "tcp", True),
        ("-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j own", "tcp", True),
    ],
)  # fmt: skip
def test_behind_a_rule_that_surely_accepts_answers_none_is_met(before: str, proto: str, is_met: bool) -> None:
    assert named(before, f"-A FORWARD -s 10.4.0.9/32 -p {proto} --dport 1024:65535 -j DROP", proto=proto) == (
        set(), {"10.4.0.9"} if is_met else set(),
    )  # fmt: skip


def test_where_something_is_not_tracked_an_answer_may_meet_all() -> None:
    raw = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp --dport 22 -j CT --notrack\nCOMMIT\n"
    rule = "-A FORWARD -s 10.4.0.9/32 -p tcp --dport 1024:65535 -j DROP"
    assert named(ESTABLISHED, rule, tables=raw)[1] == {"10.4.0.9"}


def test_rules_about_the_port_that_it_is_translated_to_count() -> None:
    nat = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp --dport 2222 -j DNAT --to-destination 10.4.0.9:22\nCOMMIT\n"
    rule = "-A FORWARD -s 203.0.113.0/24 -p tcp --dport 22 -j ACCEPT"
    assert named(ESTABLISHED, rule, port=2222, tables=nat)[0] == {"203.0.113.0/24"}
    assert named(ESTABLISHED, rule, port=2222)[0] == set()


def test_what_cannot_be_read_is_told() -> None:
    text = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -p tcp -m set --match-set friends src -j ACCEPT\nCOMMIT\n"
    assert "friends" in constants_of(saved(text), {}, 4, "tcp", ((22, 22),)).unread[0]
