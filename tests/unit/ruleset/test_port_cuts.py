"""Where a rule may treat one port otherwise than the next."""

from __future__ import annotations

import pytest

from lab.ruleset.held import Chains, rules_of
from lab.ruleset.nft.held import held_rule
from lab.ruleset.nft.listing import NftTable
from lab.ruleset.nft.rule import Surroundings, read_rule
from lab.ruleset.port_cuts import Cuts, port_cuts
from lab.ruleset.rule import Ports
from tests.unit.ruleset.made import listed, saved

OWN: Ports = ((32768, 60999),)


def ruleset(*rules: str) -> Chains:
    return saved("\n".join(("*filter", ":FORWARD DROP [0:0]", ":mine - [0:0]", *rules, "COMMIT", "")))


def cuts(rule: str, proto: str = "tcp") -> set[int] | None:
    (read,) = rules_of(ruleset(rule) if rule.startswith("-") else listed(rule))
    found = port_cuts(read, proto, OWN)
    return None if found is None else edges(found)


def edges(cuts: Cuts) -> set[int]:
    """Where the ports begin and end that are told from others."""
    return {edge for ports in cuts for low, high in ports for edge in (low, high + 1)}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("-A FORWARD -j ACCEPT", set()),
        ("-A FORWARD -i eth0 ! -s 10.0.0.0/8 -j DROP", set()),
        ("-A FORWARD -p tcp -m tcp --dport 22 -j ACCEPT", {22, 23}),
        ("-A FORWARD -p tcp -m tcp --dport 1000:2000 -j ACCEPT", {1000, 2001}),
        ("-A FORWARD -p tcp -m multiport --dports 80,443,8000:8010 -j ACCEPT", {80, 81, 443, 444, 8000, 8011}),
        ("-A FORWARD -p tcp -m tcp ! --dport 25 -j DROP", {0, 25, 26, 65536}),
        ("-A FORWARD -p udp -m udp --dport 53 -j ACCEPT", set()),
        ("-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT", set()),
        ('-A FORWARD -m comment --comment "no port but --sport 5" -j DROP', set()),
        ("-A FORWARD -j REJECT --reject-with icmp-port-unreachable", set()),
        ('-A FORWARD -m limit --limit 1/sec -j LOG --log-prefix "x"', set()),
        ("-A FORWARD -p tcp -m tcp --dport 22 -j DNAT --to-destination 10.0.0.1:2222", {22, 23, 2222, 2223}),
        ("-A FORWARD -d 10.0.0.9 -j DNAT --to-destination 10.0.0.1", set()),
        ("-A FORWARD -p tcp -j REDIRECT --to-ports 3128", {3128, 3129}),
        ("-A FORWARD -p tcp -j DNAT --to-destination [2001:db8::1]:80", {80, 81}),
        ("-A FORWARD -m comment --comment -j -p tcp -m tcp --dport 22 -j mine", {22, 23}),
        ("-A FORWARD -p tcp -g mine", set()),
        ("-A FORWARD -p tcp -m conntrack --ctorigdstport 5432 -j mine", {5432, 5433}),
        ("tcp flags syn ct original proto-dst 5432 drop", {5432, 5433}),
        ("-A FORWARD -d 10.0.0.0/24 -j NETMAP --to 10.1.0.0/24", set()),
        ("-A FORWARD -p udp -m udp --sport 67 --dport 68 -j ACCEPT", set()),
        ("-A FORWARD -p tcp -m tcp --sport 67 --dport 68 -j ACCEPT", {67, 68, 69}),
        ("-A FORWARD -m limit --limit 1/sec -j ACCEPT", set()),
        ("-A FORWARD -m recent --name x --update --seconds 60 --hitcount 4 --rsource -j DROP", set()),
        ("-A FORWARD -p tcp -m hashlimit --hashlimit-upto 1/sec --hashlimit-mode dstport --hashlimit-name x -j DROP", set()),
        ("-A FORWARD -p tcp -m connlimit --connlimit-above 3 --connlimit-mask 32 --connlimit-saddr -j REJECT", set()),
        ("-A FORWARD -m statistic --mode nth --every 3 --packet 0 -j DROP", set()),
        ("-A FORWARD -m quota --quota 1000 -j ACCEPT", set()),
    ],
)
def test_what_can_be_read(rule: str, expected: set[int]) -> None:
    assert cuts(rule) == expected


@pytest.mark.parametrize(
    "rule",
    [
        "-A FORWARD -p tcp -m tcp --sport 1024:40000 -j ACCEPT",
        "-A FORWARD -p tcp -m multiport --ports 80,40000 -j ACCEPT",
        "-A FORWARD -m statistic --mode random --probability 0.5 -j DROP",
        "-A FORWARD -m set --match-set services dst -j ACCEPT",
        "-A FORWARD -m u32 --u32 0x0=0x0 -j DROP",
        "-A FORWARD -p tcp -m tcp --dport domain -j ACCEPT",
        "-A FORWARD -p tcp -j DNAT --to-destination 10.0.0.1:1000-2000",
        "-A FORWARD -p tcp -j REDIRECT --to-ports 1000-2000",
        "-A FORWARD -p tcp -j DNAT --to-destination 10.0.0.1:80 --random",
        "-A FORWARD -p tcp -j HMARK --hmark-tuple dport --hmark-mod 2 --hmark-offset 1 --hmark-rnd 0xfeed",
        "-A FORWARD -m comment --comment -j -p tcp -m tcp --sport 1024:40000 -j ACCEPT",
    ],
)
def test_what_cannot(rule: str) -> None:
    assert cuts(rule) is None


def test_a_negated_protocol_reads_no_port() -> None:
    assert cuts("-A FORWARD ! -p udp -j DROP") == set()


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("accept", set()),
        ("tcp dport 22 accept", {22, 23}),
        ("tcp dport != 1000-2000 drop", {1000, 2001}),
        ('iifname "lan" tcp dport { 80, 443, 8000-8010 } counter accept comment "tcp sport 5"', {80, 81, 443, 444, 8000, 8011}),
        ("udp dport 53 accept", set()),
        ("meta l4proto { tcp, udp } th dport 53 accept", {53, 54}),
        ("ct state established,related accept", set()),
        ("ct state != established | related accept", set()),
        ("tcp dport vmap { 22 : jump mine, 80-90 : accept, * : drop }", {22, 23, 80, 91}),
        ("ip saddr . tcp dport { 192.0.2.1 . 22, 192.0.2.2 . 25-26 } accept", {22, 23, 25, 27}),
        ("iifname . ip saddr vmap { lan . 192.0.2.1 : accept }", set()),
        ("tcp dport 80 dnat ip to 10.0.0.1:8080", {80, 81, 8080, 8081}),
        ("dnat ip addr . port to tcp dport map { 81 : 10.0.0.1 . 8080 }", {81, 82, 8080, 8081}),
        ("dnat ip to tcp dport map { 81 : 10.0.0.1, 82 : 10.0.0.2 }", {81, 82, 83}),
        ("ip daddr @friends masquerade random", set()),
        ('limit rate 1/second log prefix "x"', set()),
        ("tcp flags syn / fin,syn,rst,ack reject with tcp reset", set()),
        ("tcp dport @web accept", {80, 81, 443, 444}),
        ("tcp dport < 1024 accept", {0, 1024, 1025}),
        ("tcp dport >= 1024 accept", {0, 1024, 1025}),
        ("tcp sport 1024-65535 tcp dport 22 accept", {1024, 65536, 22, 23}),
        ("limit rate over 10/second burst 20 packets drop", set()),
        ("limit rate 10 mbytes/second accept", set()),
        ('limit name "lim" accept', set()),
        ("quota over 25 mbytes drop", set()),
        ("tcp flags ! fin,syn,rst,psh,ack,urg drop", set()),
        ("ct mark & 0x0000ff00 != 0x00000000 meta mark set ct mark & 0x0000ff00", set()),
        ("meta mark set meta mark | 0x00004000 masquerade fully-random", set()),
        ("queue flags bypass to 0", set()),
        ("ct count over 20 reject", set()),
        ("numgen inc mod 2 0 accept", set()),
        ("add @seen { ip saddr } accept", set()),
        ("update @seen { ip saddr timeout 1m limit rate over 5/minute burst 5 packets } drop", set()),
        ("add @none { ip saddr . tcp dport } accept", set()),
        ("tcp dport @none accept", set()),
    ],
)
def test_what_can_be_read_of_native_nft(rule: str, expected: set[int]) -> None:
    table = NftTable("inet", "t", {}, {"web": "{ 80, 443 }", "none": "{ }"})
    found = port_cuts(held_rule(table, "c", read_rule(1, 1, rule, Surroundings({}))), "tcp", OWN)
    assert found is not None
    assert edges(found) == expected


@pytest.mark.parametrize(
    "rule",
    [
        "tcp sport 1024-40000 accept", "tcp dport @unknown accept", "tcp dport domain accept",
        "tcp dport 80 dnat ip to 10.0.0.1:1000-2000", "tcp dport 80 redirect to :8080 random", "meta mark set tcp dport",
        "dnat ip to tcp dport map { 81 : 10.0.0.1-10.0.0.9 }", "dnat ip to jhash tcp dport mod 2 map { 0 : 10.0.0.1 }",
        "queue to 1-3", "tproxy to :1", "@th,16,16 80 drop", "numgen random mod 2 0 accept", "add @seen { tcp dport } accept",
        'xt match "u32" accept',
        "tcp dport & 1 == 1 accept", "ip saddr . tcp dport @pairs accept",
    ],
)  # fmt: skip
def test_what_cannot_of_native_nft(rule: str) -> None:
    assert cuts(rule) is None
