"""Whether a rule is about a packet: only what surely speaks against it counts."""

from __future__ import annotations

import pytest

from lab.ruleset.aimed import Seen, may_match
from tests.unit.ruleset.made import rule_of

SEEN = Seen("tcp", {"10.4.0.7"}, {"192.0.2.9"}, ((40000, 40000),), ((587, 587),), ("lan",), ("wan",), ("NEW",))


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("-A FORWARD -j ACCEPT", True),
        ("-A FORWARD -s 10.4.0.0/24 -d 192.0.2.9/32 -i lan -o wan -p tcp -m tcp --dport 587 -j ACCEPT", True),
        ("-A FORWARD -s 10.5.0.0/24 -j ACCEPT", False),
        ("-A FORWARD ! -s 10.4.0.0/24 -j ACCEPT", False),
        ("-A FORWARD ! -d 192.0.2.0/24 -j ACCEPT", False),
        ("-A FORWARD -p udp -j ACCEPT", False),
        ("-A FORWARD -p 6 -j ACCEPT", True),
        ("-A FORWARD -p tcp -m multiport --dports 25,500:600 -j ACCEPT", True),
        ("-A FORWARD -p tcp -m tcp ! --dport 587 -j ACCEPT", False),
        ("-A FORWARD -p tcp -m tcp --sport 53 -j ACCEPT", False),
        ("-A FORWARD -i la+ -j ACCEPT", True),
        ("-A FORWARD -i wan -j ACCEPT", False),
        ("-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", False),
        ("-A FORWARD -m conntrack ! --ctstate INVALID -j ACCEPT", True),
        ('-A FORWARD -m comment --comment "-p udp" -j ACCEPT', True),
        ("-A FORWARD -p tcp -m tcp --dport submission -j ACCEPT", True),
        ("accept", True),
        ("ip saddr 10.4.0.0/24 tcp dport { 25, 587 } accept", True),
        ("ip saddr != 10.4.0.0/24 accept", False),
        ("ip daddr 192.0.2.1-192.0.2.8 accept", False),
        ("udp dport 587 accept", False),
        ("ether saddr 00:16:3e:0a:0b:0c udp dport 587 accept", False),
        ("tcp dport != 500-600 accept", False),
        ('iifname "lan" oifname "w*" accept', True),
        ('iifname { "wan", "dmz" } accept', False),
        ("ct state established,related accept", False),
        ("ct state { new, established } accept", True),
        ("ip saddr @friends accept", True),
        ("ip saddr . tcp dport { 10.5.0.1 . 25 } accept", True),
        ("meta l4proto { tcp, udp } th dport 587 accept", True),
        ("meta l4proto icmp accept", False),
    ],
)
def test_a_rule_is_for_the_packet(text: str, *, fits: bool) -> None:
    assert may_match(rule_of(text), SEEN) is fits


def test_what_is_not_known_fits_rule() -> None:
    assert may_match(rule_of("-A FORWARD -s 10.5.0.1/32 -i dmz -p tcp -m tcp --dport 25 -j ACCEPT"), Seen("tcp"))


def test_ports_that_a_range_speaks_for() -> None:
    swept = Seen("tcp", dports=((1000, 1999),))
    assert may_match(rule_of("-A FORWARD -p tcp -m tcp --dport 1500 -j ACCEPT"), swept)
    assert may_match(rule_of("-A FORWARD -p tcp -m tcp ! --dport 1500 -j ACCEPT"), swept)
    assert not may_match(rule_of("-A FORWARD -p tcp -m tcp --dport 2000 -j ACCEPT"), swept)


def test_fields_that_are_not_asked() -> None:
    assert may_match(rule_of("-A FORWARD -i dmz -j ACCEPT"), SEEN, but=["entered"])
