"""All that a rule asks, where every word of it is understood; whether a packet has it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from lab.ruleset.asked import Met, has
from lab.ruleset.held import HeldRule, rules_of
from lab.ruleset.ipset_addresses import addresses_in
from lab.ruleset.nft.held import chains_of_listing
from lab.ruleset.nft.listing import read_listing
from tests.unit.ruleset.made import rule_of, saved


def number(address: str) -> int:
    return int(ip_address(address))


SSH = Met(
    4, "tcp", number("10.0.1.10"), number("10.0.2.10"), 40000, 22, 0x02, 0, "eth0", "eth1", ("NEW",), translated=False,
    original_sport=40000, original_dport=22, own=(number("10.0.2.10"),), mark=0x4001,
)  # fmt: skip
ECHO = Met(4, "icmp", number("10.0.1.10"), number("10.0.2.10"), flags=8, entered="eth0", states=("NEW",))


def outcomes(rule: HeldRule, met: Met = SSH) -> list[bool | None]:
    """Whether the packet has each thing that the rule asks."""
    assert rule.whole is not None, f"not understood: {rule.text}"
    return [has(asked, met) for asked in rule.whole.asked]


@pytest.mark.parametrize("asks", [
    "-s 10.0.1.0/24", "! -s 10.0.9.0/24", "-d 10.0.2.10/32", "-i eth0", "-i eth+", "! -i wan", "-o eth1", "-p tcp", "! -p udp",
    "-p tcp -m tcp --dport 22", "-p tcp -m tcp ! --dport 80", "-p tcp -m multiport --dports 22,80:90", "-p tcp -m tcp --syn",
    "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN", "-m conntrack --ctstate NEW,ESTABLISHED", "-m state ! --state ESTABLISHED",
    "-m conntrack ! --ctstate DNAT", "-m conntrack --ctorigdstport 22", "-m iprange --src-range 10.0.1.1-10.0.1.20",
    "-m addrtype --dst-type LOCAL", '-m comment --comment "-p udp --dport 53"', "-p tcp -m tcp --sport 1024:65535",
    "-p tcp -m multiport --ports 22,443", "-m mark --mark 0x4000/0x4000", "-m mark ! --mark 0x1", "-m mark --mark 16385",
    "-m conntrack --ctorigdstport 22 --ctdir ORIGINAL", "-m conntrack ! --ctdir REPLY",
])  # fmt: skip
def test_all_of_it_holds(asks: str) -> None:
    assert all(outcomes(rule_of(f"-A FORWARD {asks} -j ACCEPT")))


@pytest.mark.parametrize("asks", [
    "-s 10.0.9.0/24", "! -s 10.0.1.0/24", "-d 10.0.2.11/32", "-i eth1", "! -i eth+", "-o wan+", "-p udp",
    "-m state --state ESTABLISHED",
    "-m conntrack --ctstate DNAT", "-m conntrack ! --ctorigdstport 22", "-m addrtype ! --dst-type LOCAL",
    "-m iprange ! --src-range 10.0.1.1-10.0.1.20", "-m mark --mark 0x1", "-m mark ! --mark 0x1/0xff",
    "-m conntrack --ctdir REPLY",
])  # fmt: skip
def test_one_thing_of_it_does_not(asks: str) -> None:
    assert outcomes(rule_of(f"-A FORWARD {asks} -j ACCEPT")) == [False]


@pytest.mark.parametrize("text", [
    "-A FORWARD -m limit --limit 3/min -j ACCEPT", "-A FORWARD -m connmark --mark 0x1 -j ACCEPT",
    "-A FORWARD -m set --match-set friends src,dst -j ACCEPT", "-A FORWARD -m string --string x --algo bm -j ACCEPT",
    "-A FORWARD -m addrtype --dst-type MULTICAST -j ACCEPT", "-A FORWARD -p tcp -m tcp --dport http -j ACCEPT",
    "-A FORWARD -m conntrack --ctorigdst 10.0.2.10 -j ACCEPT", "-A FORWARD -p tcp -m tcp --tcp-option 8 -j ACCEPT",
    "-A FORWARD -s 10.0.0.1/255.0.255.0 -j ACCEPT", "-A FORWARD -f -j ACCEPT",
    "-A FORWARD -m socket -j ACCEPT", "-A FORWARD -m rpfilter -j ACCEPT",
    "meta mark 0x1 accept", "limit rate 3/minute accept", "tcp dport . meta mark { 22 . 1 } accept",
    "ip saddr @friends accept", "ct mark and 0x1 == 0x1 accept", "tcp dport $web accept", "ip dscp cs1 accept",
    "ip saddr & 255.0.0.255 == 10.0.0.10 accept", "tcp dport != { 22 } ct count over 3 drop",
    'iifname . oifname vmap { "a" . "b" : accept }',
    "tcp dport vmap { 22 : accept, * : drop }", "tcp flags & (fin | syn) == syn accept", "socket transparent 1 accept",
])  # fmt: skip
def test_what_is_not_understood_is_not_told(text: str) -> None:
    assert rule_of(text).whole is None


@pytest.mark.parametrize("asks", [
    "ip saddr 10.0.1.0/24", "ip daddr { 10.0.2.10, 10.0.2.12 }", "ip saddr != 10.0.9.7", 'iifname "eth0"', 'iifname "eth*"',
    'iifname != { "wan", "dmz" }', 'oifname "eth1"', "meta l4proto tcp", "meta l4proto { tcp, udp }", "tcp dport 22",
    "tcp dport { 22, 80-90 }", "tcp dport != 80", "th dport 22", "ct state new", "ct state { established, new }",
    "ct state != established", "ct status != dnat", "ct original proto-dst 22", "tcp flags syn / fin,syn,rst,ack",
    "meta nfproto ipv4", "fib daddr type local", "ip protocol tcp", "tcp sport 1024-65535", "ip saddr 10.0.1.1-10.0.1.20",
    'log prefix "in: " level warn counter packets 1 bytes 2',
])  # fmt: skip
def test_all_of_nft_holds(asks: str) -> None:
    assert all(outcomes(rule_of(f'{asks} counter accept comment "tcp dport 80"')))


@pytest.mark.parametrize("asks", [
    "ip saddr 10.0.9.0/24", 'iifname "wan"', "meta nfproto ipv6",
    "ct state { established, related }",
    "ct status dnat", "tcp dport { 80, 443 }", "udp dport 22", "icmp type echo-request", "tcp dport vmap { 80 : accept }",
])  # fmt: skip
def test_one_thing_of_nft_does_not(asks: str) -> None:
    verdict = "" if "vmap" in asks else " accept"
    assert outcomes(rule_of(f"{asks}{verdict}")).count(False) == (2 if asks.startswith("icmp") else 1)


def test_a_header_of_the_other_family_is_not_there() -> None:
    assert outcomes(rule_of("ip6 saddr != 2001:db8::/32 accept")) == [False, True]
    assert outcomes(rule_of("ip6 nexthdr != udp accept")) == [False, True]
    assert all(outcomes(rule_of("ip saddr != 10.0.9.0/24 ip protocol != udp accept")))


def test_a_verdict_map_tells_each_of_its_verdicts() -> None:
    whole = rule_of("tcp dport vmap { 22 : accept, 80-90 : drop }").whole
    assert whole is not None
    assert [(has(key, SSH), verdict) for key, verdict in whole.verdicts] == [(True, "accept"), (False, "drop")]


def test_an_ipset_of_addresses() -> None:
    friends = replace(SSH, sets={"friends": ((number("10.0.1.0"), number("10.0.1.255")),), "empty": ()})
    assert outcomes(rule_of("-A FORWARD -m set --match-set friends src -j ACCEPT"), friends) == [True]
    assert outcomes(rule_of("-A FORWARD -m set ! --match-set friends dst -j ACCEPT"), friends) == [True]
    assert outcomes(rule_of("-A FORWARD -m set --match-set empty src -j ACCEPT"), friends) == [False]
    assert outcomes(rule_of("-A FORWARD -m set --match-set others src -j ACCEPT"), friends) == [None]
    written = "-A FORWARD -m set --match-set friends src -j ACCEPT\n-A FORWARD -j SET --add-set friends src"
    assert next(rule.whole for rule in rules_of(saved(f"*filter\n{written}\nCOMMIT\n"))) is None


def test_which_ipsets_are_known() -> None:
    text = (
        "create friends hash:ip\nadd friends 10.0.9.7\ncreate web hash:ip,port\nadd web 10.0.9.7,tcp:80\n"
        "create soon hash:ip timeout 60\nadd soon 10.0.9.7\ncreate wide hash:ip netmask 24\nadd wide 10.0.9.0\n"
        "create holes hash:net\nadd holes 10.0.0.0/8\nadd holes 10.0.9.7 nomatch\n"
    )
    assert addresses_in(text, 4) == {"friends": ((number("10.0.9.7"), number("10.0.9.7")),)}


def test_a_set_that_nothing_changes_is_known() -> None:
    sets = "\tset open {\n\t\ttype inet_service\n\t\telements = { 22, 443 }\n\t}\n"
    chain = "\tchain c { # handle 1\n\t\ttype filter hook input priority filter; policy drop;\n"
    rule = "\t\ttcp dport @open accept # handle 3\n\t}\n"
    chains = chains_of_listing(read_listing(f"table inet t {{ # handle 1\n{sets}{chain}{rule}}}\n"))
    assert outcomes(chains["inet", "t", "c"].rules[0]) == [True, True]


@pytest.mark.parametrize(("asks", "met"), [
    ("-i eth0", SSH.__class__(4, "tcp", 1, 2)), ("-m state --state NEW", Met(4, "tcp", 1, 2)),
    ("-m conntrack --ctstate DNAT", Met(4, "tcp", 1, 2)), ("-m addrtype --dst-type LOCAL", Met(4, "tcp", 1, 2)),
    ("-m conntrack --ctorigdstport 22", Met(4, "tcp", 1, 2, original_dport=22)), ("-m conntrack --ctstate SNAT", SSH),
    ("-m mark --mark 0x0", Met(4, "tcp", 1, 2)), ("-m conntrack --ctdir ORIGINAL", Met(4, "tcp", 1, 2)),
    ("-m state --state NEW", Met(4, "tcp", 1, 2, states=("NEW", "INVALID"))), ("-p igmp", Met(4, "2", 1, 2)),
])  # fmt: skip
def test_what_is_not_known_of_a_packet_is_neither(asks: str, met: Met) -> None:
    assert outcomes(rule_of(f"-A FORWARD {asks} -j ACCEPT"), met) == [None]


def test_types_of_icmp() -> None:
    assert outcomes(rule_of("-A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT"), ECHO) == [True, True]
    assert outcomes(rule_of("-A INPUT -p icmp -m icmp --icmp-type 8/1 -j ACCEPT"), ECHO) == [True, False]
    assert outcomes(rule_of("icmp type { echo-reply, echo-request } accept"), ECHO) == [True, True]
    assert outcomes(rule_of("-A INPUT -p icmp -m icmp --icmp-type any -j ACCEPT"), ECHO) == [True, True]


def test_several_things_at_once_are_understood_and_not_known() -> None:
    read = rule_of('tcp dport . iifname != { 22 . "lan" } accept').whole
    assert read is not None
    assert [(asked.words, asked.negated, has(asked, SSH)) for asked in read.asked] == [
        ("tcp", False, True), ('tcp dport . iifname != { 22 . "lan" }', True, None),
    ]  # fmt: skip
