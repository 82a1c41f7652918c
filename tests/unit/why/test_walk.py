"""Which rules a packet was held against, and which would have come."""

from __future__ import annotations

from lab.record.path import End
from lab.why.walk import Base, bases
from tests.unit.why.walks import listing, saved, table, way

CHAINS = saved(table(
    "-A FORWARD -i wan -j ACCEPT",
    "-A FORWARD -j CHECKS",
    "-A FORWARD -p udp -j ACCEPT",
    "-A FORWARD -j DROP",
    "-A FORWARD -p tcp -j ACCEPT",
    "-A CHECKS -s 10.0.9.0/24 -j DROP",
    "-A CHECKS -p tcp -g LAST",
    "-A CHECKS -p icmp -j DROP",
    "-A LAST -d 10.0.9.9 -j DROP",
))  # fmt: skip


def texts(base: Base) -> list[str]:
    return [rule.text for rule in base.missed]


def test_what_stands_before_a_match_was_asked_and_missed() -> None:
    (base,) = bases(way(CHAINS, "filter:FORWARD:2 jump CHECKS", "filter:FORWARD:4 drop"), CHAINS)
    assert texts(base) == [
        "-A FORWARD -i wan -j ACCEPT", "-A CHECKS -s 10.0.9.0/24 -j DROP", "-A CHECKS -p tcp -g LAST",
        "-A CHECKS -p icmp -j DROP", "-A FORWARD -p udp -j ACCEPT",
    ]  # fmt: skip
    assert [(chain.name, asked) for chain, asked in base.ahead] == [("FORWARD", 4)]


def test_what_stands_behind_a_goto_was_not_asked() -> None:
    told = ("filter:FORWARD:2 jump CHECKS", "filter:CHECKS:2 goto LAST", "filter:LAST:end continue", "filter:FORWARD:4 drop")
    (base,) = bases(way(CHAINS, *told), CHAINS)
    assert "-A CHECKS -p icmp -j DROP" not in texts(base)
    assert "-A LAST -d 10.0.9.9 -j DROP" in texts(base)


def test_the_way_in_tells_who_sent_it() -> None:
    (base,) = bases(way(CHAINS, "filter:FORWARD:2 jump CHECKS", "filter:CHECKS:3 drop"), CHAINS)
    assert [rule.text for rule in base.senders] == ["-A FORWARD -j CHECKS"]
    assert [(chain.name, asked) for chain, asked in base.ahead] == [("CHECKS", 3), ("FORWARD", 2)]


def test_a_policy_is_met_behind_every_rule() -> None:
    chains = saved(table("-A INPUT -i wan -j ACCEPT", "-A INPUT -j EMPTY", "-A EMPTY -i wan -j DROP"))
    (base,) = bases(way(chains, "filter:INPUT:2 jump EMPTY", "filter:INPUT:policy drop"), chains)
    assert len(texts(base)) == 2
    assert base.ahead[-1][1] == 2


def test_each_base_chain_is_one_way() -> None:
    chains = listing(
        "one type filter hook forward priority -10; policy accept;\ntcp dport 443 accept",
        "two type filter hook forward priority 0; policy drop;\ntcp dport 22 accept",
    )
    first, second = bases(way(chains, "inet/t:one:1 accept", "inet/t:two:policy drop"), chains)
    assert (first.verdict, second.verdict) == ("accept", "drop")
    assert texts(second) == ["tcp dport 22 accept"]


def test_what_a_rule_rewrote_is_not_read_further() -> None:
    chains = listing(
        "c type filter hook forward priority 0; policy drop;\nip daddr set 10.0.2.20\nip daddr 10.0.2.10 accept", family="ip",
    )  # fmt: skip
    assert bases(way(chains, "ip/t:c:1 continue", "ip/t:c:policy drop"), chains) == ()


def test_rules_that_are_others_by_now_are_not_read() -> None:
    changed = saved(table(
        "-A FORWARD -i wan -j ACCEPT", "-A FORWARD -j CHECKS", "-A FORWARD -p udp -j ACCEPT", "-A FORWARD -p tcp -j DROP",
        "-A CHECKS -p icmp -j DROP",
    ))  # fmt: skip
    assert bases(way(CHAINS, "filter:FORWARD:2 jump CHECKS", "filter:FORWARD:4 drop"), changed) == ()
    assert bases(way(CHAINS, "filter:FORWARD:4 drop", end=End.LEFT), {}) == ()
