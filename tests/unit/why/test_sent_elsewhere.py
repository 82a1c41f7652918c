"""Zones: the accept stands in the chain of one, and the packet went through that of another."""

from __future__ import annotations

import pytest

from lab.record.packet import Packet
from lab.ruleset.held import Chains
from lab.why.denied import denied
from lab.why.sent_elsewhere import sent_elsewhere
from tests.unit.verdict.made import SYN
from tests.unit.why.walks import failed, listing, saved, table, told, way

ECHO = Packet(6, 58, "2001:db8:1::10", 7, "2001:db8:2::10", 1, 128)
STEPS = ("inet/firewalld:zones:1 goto filter_IN_home", "inet/firewalld:filter_IN_home:2 drop")


def zones(*rules: str, home: str = "tcp dport 22 accept") -> Chains:
    return listing(
        "zones type filter hook forward priority filter; policy accept;\n" + "\n".join(rules),
        f"filter_IN_home\n{home}\nreject with icmpx admin-prohibited",
        "filter_IN_public\ntcp dport 443 accept\nreject with icmpx admin-prohibited",
        name="firewalld",
    )


def test_the_accept_of_another_zone() -> None:
    chains = zones('iifname "lan" goto filter_IN_home', "goto filter_IN_public")
    (hint,) = told(sent_elsewhere, failed(chains, way(chains, *STEPS)))
    assert hint == (
        "gateway inet firewalld:filter_IN_public:1 (`tcp dport 443 accept`) would accept it, but inet firewalld:zones:1 "
        '(`iifname "lan" goto filter_IN_home`) sent it to filter_IN_home before that, where inet firewalld:filter_IN_home:2 '
        "rejected it: accept it in filter_IN_home (firewalld's zone home) too, ahead of what denies it there, "
        "or let inet firewalld:zones:1 not send it there"
    )
    assert told(sent_elsewhere, failed(chains, way(chains, *STEPS), action="deny")) == []


@pytest.mark.parametrize("between", [
    ("ip saddr 10.0.1.0/24 drop", "goto filter_IN_public"),  # would have dropped it all the same
    ("meta mark 0x1 drop", "goto filter_IN_public"),  # may have
    ("limit rate 3/minute goto filter_IN_home", "goto filter_IN_public"),  # nobody knows where it goes
    ("udp dport 443 accept",),  # is about another packet
    ("accept",),  # means nothing of it
])  # fmt: skip
def test_where_it_may_have_been_denied_all_the_same(between: tuple[str, ...]) -> None:
    chains = zones('iifname "lan" goto filter_IN_home', *between)
    assert told(sent_elsewhere, failed(chains, way(chains, *STEPS))) == []


def test_where_nothing_accepts_it_the_chain_that_it_was_sorted_into_is_named() -> None:
    chains = zones('iifname "lan" goto filter_IN_home')
    (hint,) = told(denied, failed(chains, way(chains, *STEPS)))
    assert hint == (
        "no rule of filter_IN_home that it came to accepts it, so firewalld:filter_IN_home:2 rejected it, as all that is left: "
        "a rule in filter_IN_home that accepts it asks for `ip daddr 10.0.2.10 tcp dport 443`"
    )


def test_a_chain_that_denies_all_that_is_sent_to_it_is_no_place_for_an_accept() -> None:
    chains = zones('iifname "lan" goto filter_IN_home', home="counter")
    assert told(denied, failed(chains, way(chains, *STEPS))) == []


def test_an_echo_in_the_words_of_each_tool() -> None:
    native = zones("tcp dport 22 accept", "counter drop")
    by_rule = way(native, "inet/firewalld:zones:2 drop", entry=ECHO)
    assert told(denied, failed(native, by_rule))[0].endswith("asks for `icmpv6 type echo-request`")
    iptables = saved(table("-A FORWARD -p tcp -m tcp --dport 22 -j ACCEPT"))
    path = way(iptables, "filter:FORWARD:policy drop", entry=Packet(4, 1, "10.0.1.10", 7, "10.0.2.10", 1, 8))
    assert told(denied, failed(iptables, path))[0].endswith("asks for `-p icmp --icmp-type echo-request`")
    reply = way(native, "inet/firewalld:zones:2 drop", entry=ECHO._replace(flags=129))
    assert told(denied, failed(native, reply))[0].endswith("asks for `icmpv6 type 129`")


def test_a_forward_that_a_rule_stopped_before_its_chain() -> None:
    chains = listing(
        "early type filter hook forward priority -150; policy accept;\nip daddr 10.0.0.0/8 drop",
        "nat_in type nat hook prerouting priority dstnat; policy accept;\ntcp dport 443 dnat ip to 10.0.2.20",
    )
    path = way(chains, "inet/t:nat_in:1 accept", "inet/t:early:1 drop", heads=((1, SYN._replace(destination="10.0.2.20")),))
    (hint,) = told(denied, failed(chains, path))
    assert "needs a rule in early, before inet t:early:1, that accepts the translated destination" in hint
