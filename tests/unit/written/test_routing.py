"""Routes and rules in the words of ``ip route`` and ``ip rule``."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from lab.written.route_lines import parse_routes
from lab.written.routing import Route, RoutingRule
from lab.written.rule_lines import parse_rules


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("10.99.0.0/16 via 10.0.1.99", Route("", ip_network("10.99.0.0/16"), ip_address("10.0.1.99"))),
        ("10.99.0.0/16 dev lan table 7", Route("", ip_network("10.99.0.0/16"), dev="lan", table=7)),
        ("default via 10.0.1.1 table main", Route("", ip_network("0.0.0.0/0"), ip_address("10.0.1.1"), table=254)),
        ("default via 2001:db8::1", Route("", ip_network("::/0"), ip_address("2001:db8::1"))),
        ("2001:db8:ff::/48 via 2001:DB8:A::99",
         Route("", ip_network("2001:db8:ff::/48"), ip_address("2001:db8:a::99"))),
        ("unreachable 2001:db8:ff::/48", Route("", ip_network("2001:db8:ff::/48"), kind="unreachable")),
        ("::/0 dev wan table 7", Route("", ip_network("::/0"), dev="wan", table=7)),
        ("blackhole 192.0.2.0/24", Route("", ip_network("192.0.2.0/24"), kind="blackhole")),
        ("prohibit 192.0.2.7", Route("", ip_network("192.0.2.7/32"), kind="prohibit")),
        ("unicast 192.0.2.7 dev wan", Route("", ip_network("192.0.2.7/32"), dev="wan")),
    ],
)  # fmt: skip
def test_routes(text: str, route: Route) -> None:
    (read,) = parse_routes(text)
    assert read.text == text
    assert (read.destination, read.via, read.dev, read.table, read.kind) == (
        route.destination, route.via, route.dev, route.table, route.kind,
    )  # fmt: skip
    assert read.family == route.destination.version


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("fwmark 2 lookup 102 pref 100", RoutingRule("", 102, fwmark=2, priority=100)),
        ("fwmark 0x10/0xff table 5", RoutingRule("", 5, fwmark=16, mask=255)),
        ("from 10.0.0.0/8 iif lan lookup main", RoutingRule("", 254, source=ip_network("10.0.0.0/8"), iif="lan")),
        ("to 192.0.2.7 oif wan lookup 9 priority 3",
         RoutingRule("", 9, destination=ip_network("192.0.2.7/32"), oif="wan", priority=3)),
        ("from all lookup local", RoutingRule("", 255)),
        ("from 2001:db8::/32 lookup 100", RoutingRule("", 100, source=ip_network("2001:db8::/32"))),
    ],
)  # fmt: skip
def test_rules(text: str, rule: RoutingRule) -> None:
    (read,) = parse_rules(text)
    fields = ("table", "source", "destination", "iif", "oif", "fwmark", "mask", "priority", "family")
    assert read.text == text
    assert [getattr(read, field) for field in fields] == [getattr(rule, field) for field in fields]


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("fwmark 2 lookup 102", None),
        ("from all lookup 7", None),
        ("to 2001:db8::/32 lookup 7", 6),
        ("from 10.0.0.0/8 lookup 7", 4),
    ],
)
def test_a_rule_without_an_address_is_for_both_families(text: str, family: int | None) -> None:
    (read,) = parse_rules(text)
    assert read.family == family


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no destination"),
        ("blackhole", "no destination"),
        ("10.99.0.0/16", "leads nowhere"),
        ("10.99.0.1/16 via 10.0.1.1", "the network is 10.99.0.0/16"),
        ("10.99.0.0/16 via nobody", "'nobody' is not an address"),
        ("10.99.0.0/16 over 10.0.1.1", "'over'"),
        ("10.99.0.0/16 via", "nothing follows 'via'"),
        ("10.99.0.0/16 via 10.0.1.1 via 10.0.1.2", "'via' twice"),
        ("10.99.0.0/16 via 2001:db8::1", "mixes IPv4 and IPv6"),
        ("10.99.0.0/16 dev lan table 7x", "table must be a number"),
        ("blackhole 10.0.0.0/8 dev lan", "leads nowhere"),
        (["10.99.0.0/16"], "list"),
    ],
)
def test_what_is_no_route(text: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_routes(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fwmark 2", "looks up no table"),
        ("fwmark two lookup 2", "fwmark must be a number, not 'two'"),
        ("fwmark 2/x lookup 2", "mask must be a number"),
        ("fwmark 4294967296 lookup 2", "not between"),
        ("lookup 2 table 3", "twice"),
        ("nt from 10.0.0.0/8 lookup 2", "'nt' is not known here"),
        ("from 10.0.0.1/8 lookup 2", "host bits"),
        ("from 10.0.0.0/8 to 2001:db8::/32 lookup 2", "mixes"),
        (7, "number"),
    ],
)
def test_what_is_no_rule(text: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_rules(text)
