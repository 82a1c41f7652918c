"""What a rule is, by its fields, in either dialect."""

from __future__ import annotations

import pytest

from lab.ruleset.conditions import DPORTS, Condition
from lab.ruleset.held import reached, rules_of
from lab.ruleset.held_text import rules_in
from tests.unit.ruleset.made import listed, rule_of, saved


def asked(text: str) -> set[Condition]:
    return set(rule_of(text).conditions)


@pytest.mark.parametrize(
    ("iptables", "nft"),
    [
        ("-s 10.0.0.0/8 ! -d 192.0.2.1/32", "ip saddr 10.0.0.0/8 ip daddr != 192.0.2.1/32"),
        ("-i lan -o wan", 'iifname "lan" oifname "wan"'),
        ("-p tcp -m multiport --dports 80,443", "tcp dport { 80, 443 }"),
        ("-p udp -m udp ! --sport 53", "udp sport != 53"),
        ("-p icmp -m icmp --icmp-type 8", "icmp type 8"),
    ],
)
def test_both_dialects_ask_the_same(iptables: str, nft: str) -> None:
    assert asked(f"-A FORWARD {iptables} -j ACCEPT") == asked(f"{nft} accept") != set()


@pytest.mark.parametrize(
    "text",
    [
        "accept", "fib saddr . iif oif missing drop", "ip saddr . tcp dport { 192.0.2.1 . 22 } accept",
        "ct original ip saddr 192.0.2.1 accept", "reject with icmp type port-unreachable", "iifname vmap { * : drop }",
        'accept comment "tcp dport 22"', 'log prefix "iif lan" accept', "update @seen { ip saddr limit rate 1/second }",
        '-A FORWARD -m comment --comment "-s 192.0.2.1" -j ACCEPT', "-A FORWARD -m string --string --dport --algo bm -j DROP",
    ],
)  # fmt: skip
def test_what_is_no_condition_on_a_packet(text: str) -> None:
    assert {one for one in asked(text) if one[0] != "proto"} == set()


def test_the_keys_of_a_map_are_a_condition_and_what_it_gives_is_none() -> None:
    assert Condition(DPORTS, ("22", "80-90")) in rule_of("tcp dport vmap { 22 : accept, 80-90 : drop }").conditions


def test_a_block_asks_for_itself() -> None:
    block = "\n\t\t\ttcp dport { 22 } accept\n\t\t\tct state { invalid } queue\n\t\t"
    rules = list(rules_of(listed(f"meta l4proto tcp jump {{{block}}}")))
    outer, first, second = rules
    assert (outer.ports(DPORTS), first.ports(DPORTS)) == (None, ((22, 22),))
    assert (outer.queues, second.queues, outer.jump_to) == (False, True, ("block 1",))
    assert (outer.about_invalid, second.about_invalid) == (False, True)
    assert [rule.chain for rule in rules] == ["c", "block 1", "block 1"]


def test_a_block_is_entered_with_its_chain_and_another_chain_only_by_its_name() -> None:
    chains = listed("jump {\n\t\t\taccept\n\t\t}")
    assert len(list(reached(chains, [("t", "c")], 4, blocks_alone=True))) == 2
    own = saved("*filter\n:FORWARD DROP\n:mine -\n-A FORWARD -j mine\n-A mine -j DROP\nCOMMIT\n")
    assert len(list(reached(own, [("filter", "FORWARD")], 4, blocks_alone=True))) == 1
    assert len(list(reached(own, [("filter", "FORWARD")], 4))) == 2
    assert list(reached(own, [("filter", "FORWARD")], 6)) == []


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("-A FORWARD -j NFQUEUE --queue-num 1", "queues"), ("queue to 1", "queues"),
        ("-A FORWARD -p tcp -j SYNPROXY", "answers"), ("synproxy mss 1460 wscale 7", "answers"),
        ("-A FORWARD -j TEE --gateway 10.0.0.9", "copies"), ('dup to 10.0.0.9 device "lan" accept', "copies"),
        ("-A FORWARD -j REJECT", "rejects"), ("tcp dport 22 reject", "rejects"),
        ("-A PREROUTING -j DNAT --to-destination 10.0.0.1", "translates"), ("dnat ip to 10.0.0.1", "translates"),
        ("-A FORWARD -m limit --limit 1/sec -j ACCEPT", "remembers"), ("limit rate 1/second accept", "remembers"),
        ("-A FORWARD -m conntrack --ctstate INVALID -j DROP", "about_invalid"), ("ct state invalid drop", "about_invalid"),
        ("-A FORWARD -p tcp -m tcp --sport 53 -j ACCEPT", "reads_source_ports"), ("tcp sport 53 accept", "reads_source_ports"),
    ],
)  # fmt: skip
def test_what_a_rule_does(text: str, field: str) -> None:
    fields = ("queues", "answers", "copies", "rejects", "translates", "remembers", "about_invalid", "reads_source_ports")
    assert [name for name in fields if getattr(rule_of(text), name)] == [field]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("-A FORWARD -j NFQUEUE --queue-num 7 --queue-bypass", "7"), ("-A FORWARD -j NFQUEUE --queue-balance 0:3", "0-3"),
        ("-A FORWARD -j NFQUEUE", "0"), ("-A FORWARD -j ACCEPT", None),
        ('-A FORWARD -j LOG --log-prefix "--queue-num 4"', None),
        ("queue", "0"), ("queue to 7", "7"), ("queue flags bypass to 0-3", "0-3"), ("queue num 7 bypass", "7"),
        ("queue to symhash mod 2", None), ('counter queue to 5 comment "queue to 9"', "5"),
        ('accept comment "queue to 9"', None),
    ],
)  # fmt: skip
def test_the_number_of_a_queue(text: str, number: str | None) -> None:
    assert rule_of(text).queue == number


@pytest.mark.parametrize(
    "text",
    [
        '-A FORWARD -m comment --comment "NFQUEUE REJECT DNAT TEE --sport" -j ACCEPT',
        'accept comment "queue dnat dup reject sport"', "icmp type redirect accept", "ct status dnat accept",
    ],
)  # fmt: skip
def test_words_that_are_none_of_what_it_does(text: str) -> None:
    rule = rule_of(text)
    done = rule.queues, rule.copies, rule.rejects, rule.translates, rule.reads_source_ports
    assert not any(done)


def test_rules_of_a_text_are_those_of_its_lines() -> None:
    text = "*filter\n:FORWARD DROP [0:0]\n# -A FORWARD -j DROP\n[3:180] -A FORWARD -i lan -j ACCEPT\nCOMMIT\n"
    assert [(line, rule.chain, rule.text) for line, rule in rules_in("v4", text)] == [
        (4, "FORWARD", "-A FORWARD -i lan -j ACCEPT")
    ]
    script = "table inet t {\n  chain c {\n    # tcp dport 23 drop\n    tcp dport 22 accept;\n  }\n}\n"
    assert [line for line, rule in rules_in("nft", script) if rule.ports(DPORTS) == ((22, 22),)] == [4]
