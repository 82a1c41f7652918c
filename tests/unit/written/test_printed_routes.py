"""Lines as ``ip route`` and ``ip rule`` print them, word for word, and what of a list the kernel has made."""

from __future__ import annotations

from dataclasses import fields
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from lab.written.kernel_routes import is_made, metrics
from lab.written.route_lines import parse_routes
from lab.written.routing import Hop, Route, RoutingRule
from lab.written.rule_lines import parse_rules
from lab.written.topology import Topology


def said(record: Route | RoutingRule) -> dict[str, Any]:
    """What a record says beyond its text and what every one has unless its line says otherwise."""
    plain = {field.name: field.default for field in fields(record)}
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    told = {name: value for name, value in values.items() if value != plain[name] and name != "text"}
    return {name: str(value) if name in _SHOWN else value for name, value in told.items()}


_SHOWN = ("destination", "via", "src", "source")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("default via 198.51.100.254 dev eth0 proto dhcp src 198.51.100.7 metric 600",
         {"destination": "0.0.0.0/0", "via": "198.51.100.254", "dev": "eth0", "src": "198.51.100.7", "metric": 600}),
        ("10.0.0.0/24 dev eth1 proto kernel scope link src 10.0.0.5 linkdown",
         {"destination": "10.0.0.0/24", "dev": "eth1", "scope": 253, "src": "10.0.0.5", "by_kernel": True}),
        ("192.0.2.0/24 dev wg0 proto static scope link", {"destination": "192.0.2.0/24", "dev": "wg0", "scope": 253}),
        ("unreachable default metric 4294967295",
         {"destination": "0.0.0.0/0", "kind": "unreachable", "metric": 0xFFFFFFFF, "family_open": True}),
        ("unreachable default dev lo proto kernel metric 4294967295 error -101 pref medium",
         {"destination": "::/0", "kind": "unreachable", "dev": "lo", "metric": 0xFFFFFFFF, "by_kernel": True}),
        ("throw 10.0.0.0/8 table 52", {"destination": "10.0.0.0/8", "kind": "throw", "table": 52}),
        ("blackhole 10.0.0.0/8 proto static metric 20", {"destination": "10.0.0.0/8", "kind": "blackhole", "metric": 20}),
        ("local 10.0.0.5 dev eth1 table local proto kernel scope host src 10.0.0.5",
         {"destination": "10.0.0.5/32", "dev": "eth1", "table": 255, "kind": "local", "scope": 254, "src": "10.0.0.5",
          "by_kernel": True}),
        ("local default dev lo table 100",
         {"destination": "0.0.0.0/0", "dev": "lo", "table": 100, "kind": "local", "family_open": True}),
        ("broadcast 10.0.0.255 dev eth1 proto kernel scope link src 10.0.0.5",
         {"destination": "10.0.0.255/32", "dev": "eth1", "table": 255, "kind": "broadcast", "scope": 253, "src": "10.0.0.5",
          "by_kernel": True}),
        ("multicast ff00::/8 dev eth1 table local proto kernel metric 256 pref medium",
         {"destination": "ff00::/8", "dev": "eth1", "table": 255, "kind": "multicast", "metric": 256, "by_kernel": True}),
        ("default via 172.31.1.1 dev eth0 onlink",
         {"destination": "0.0.0.0/0", "via": "172.31.1.1", "dev": "eth0", "onlink": True}),
        ("default via inet6 fe80::1 dev eth0", {"destination": "0.0.0.0/0", "via": "fe80::1", "dev": "eth0"}),
        ("default via fe80::1 dev eth0 proto ra metric 1024 expires 1795sec hoplimit 64 pref medium",
         {"destination": "::/0", "via": "fe80::1", "dev": "eth0", "metric": 1024, "metrics": ((10, 64),)}),
        ("default from 2001:db8:7::/64 via fe80::1 dev wan proto static metric 512 pref medium",
         {"destination": "::/0", "via": "fe80::1", "dev": "wan", "source": "2001:db8:7::/64", "metric": 512}),
        ("default dev wg0 metric 1024 pref medium", {"destination": "::/0", "dev": "wg0", "metric": 1024}),
        ("-6 default dev wg0", {"destination": "::/0", "dev": "wg0"}),
        ("default dev ppp0 scope link mtu lock 1400 advmss 1360",
         {"destination": "0.0.0.0/0", "dev": "ppp0", "scope": 253, "family_open": True,
          "metrics": ((1, 4), (2, 1400), (8, 1360))}),
        ("192.0.2.0/24 via 10.0.0.1 dev eth1 tos 0x10 realm 3/7",
         {"destination": "192.0.2.0/24", "via": "10.0.0.1", "dev": "eth1", "tos": 16, "realm": 3 << 16 | 7}),
    ],
)  # fmt: skip
def test_a_route_as_it_is_printed(line: str, found: dict[str, Any]) -> None:
    (read,) = parse_routes(line)
    assert said(read) == found


def test_several_next_hops_stand_on_lines_of_their_own() -> None:
    hops = "\tnexthop via 198.51.100.1 dev a weight 1 \n\tnexthop dev b weight 3 onlink\n"
    first, second = parse_routes(f"default proto static metric 50\n{hops}10.9.0.0/16 dev a\n")
    assert first.hops == (Hop(ip_address("198.51.100.1"), "a"), Hop(None, "b", 3, onlink=True))
    assert (first.family, first.metric, first.ways, second.text) == (4, 50, first.hops, "10.9.0.0/16 dev a")


def test_what_a_command_says_holds_for_the_lines_after_it() -> None:
    printed = (
        "$ ip route show table 52\ndefault dev wg0 scope link\n\n"
        "ip -6 route show table all\ndefault dev wg0 metric 1024\ndefault dev wg0 table 7\n"
        "sudo ip -6 route add default dev wg1\n"
    )
    read = [(str(route.destination), route.dev, route.table) for route in parse_routes(printed)]
    assert read == [("0.0.0.0/0", "wg0", 52), ("::/0", "wg0", None), ("::/0", "wg0", 7), ("::/0", "wg1", None)]
    assert [rule.family for rule in parse_rules("10: from all lookup 7\nip -6 rule\n10: from all lookup 7")] == [None, 6]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("0:\tfrom all lookup local", {"table": 255, "priority": 0}),
        ("32764: from all lookup main suppress_prefixlength 0", {"table": 254, "priority": 32764, "suppress": 0}),
        ("32765: not from all fwmark 0xca6c lookup 51820",
         {"table": 51820, "priority": 32765, "fwmark": 0xCA6C, "inverted": True}),
        ("100: from 10.0.0.0/8 iif eth0 [detached] lookup 100",
         {"table": 100, "priority": 100, "source": "10.0.0.0/8", "iif": "eth0", "detached": ("eth0",)}),
        ("9: from all to 10.0.0.0/8 unreachable",
         {"table": 0, "priority": 9, "destination": "10.0.0.0/8", "action": "unreachable"}),
        ("9: from all ipproto tcp dport 443 lookup 7", {"table": 7, "priority": 9, "protocol": 6, "dports": (443, 443)}),
        ("9: from all sport 1000-2000 ipproto ipv6-icmp lookup 7",
         {"table": 7, "priority": 9, "protocol": 58, "sports": (1000, 2000)}),
        ("9: from all uidrange 0-0 lookup 7", {"table": 7, "priority": 9, "uids": (0, 0)}),
        ("9: from all goto 5000", {"table": 0, "priority": 9, "action": "goto", "goto": 5000}),
        ("5230: from all fwmark 0x80000/0xff0000 lookup default proto 99",
         {"table": 253, "priority": 5230, "fwmark": 0x80000, "mask": 0xFF0000}),
        ("-6 9: from all tos 0x10 blackhole", {"table": 0, "priority": 9, "tos": 16, "action": "blackhole", "said_family": 6}),
    ],
)  # fmt: skip
def test_a_rule_as_it_is_printed(line: str, found: dict[str, Any]) -> None:
    (rule,) = parse_rules(line)
    assert said(rule) | {"table": rule.table} == found


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("10.0.0.0/24 dev eth1 prto kernel", "'10.0.0.0/24 dev eth1 prto kernel': 'prto' is not known here"),
        ("10.0.0.0/24 dev eth1 encap seg6", "'encap' is not known"),
        ("10.0.0.0/24 via 10.0.1.1 dead linkdown", "'dead': the kernel used this route no more"),
        ("10.0.0.0/24 dev eth1 table -vpn", "table must be a number, not '-vpn'"),
        ("default nexthop weight 1", "a nexthop leads nowhere"),
        ("default nexthop via 10.0.0.1 dead", "used this way no more"),
        ("default dev a nexthop via 10.0.0.1", "no via and no dev besides"),
        ("default via inet6 10.0.0.1", "10.0.0.1 is not of inet6"),
        ("10.0.0.0/8 via fe80::1 dev a", "mixes IPv4 and IPv6"),
        ("default from 10.0.0.0/8 dev a", "a word of IPv6 routes"),
        ("-4 2001:db8::/32 dev a", "is not of IPv4"),
        ("default dev a weight 0", "'weight' is not known here"),
        ("default dev a mtu", "nothing follows 'mtu'"),
        ("default dev a scope everywhere", "scope must be a number"),
        ("default" + " nexthop dev a" * 257, "more than 256 ways"),
        ("RTNETLINK answers: File exists", "'answers:' is not known here"),
    ],
)
def test_what_is_no_printed_route(line: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_routes(line)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("9: from all", "looks up no table"),
        ("9: from all lookup 7 pref 9", "'pref' twice"),
        ("9: from all lookup 7 goto 10", "'goto' twice"),
        ("9: from all goto 8", "leads back"),
        ("9: from all iif sixteen-letters- [detached] lookup 7", "longer than the name of an interface"),
        ("9: from all dport 9-1 lookup 7", "ends before it begins"),
        ("9: from all ipproto many lookup 7", "ipproto must be a number"),
        ("1000: from all lookup [l3mdev-table]", "in a VRF"),
        ({"9": "from all lookup 7"}, 'quote the line: "9: from all lookup 7"'),
        ("-4 9: from 2001:db8::/32 lookup 7", "not of IPv4"),
    ],
)
def test_what_is_no_printed_rule(line: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_rules(line)


def host(routes: object = (), rules: object = ()) -> Topology:
    ports = {
        "eth0": {"network": "wan", "address": ["198.51.100.7/25", "2001:db8:1::7"]},
        "eth1": {"network": "lan", "address": ["10.0.0.5", "10.0.0.9"]},
        "wg0": {"network": "wg", "address": "fd00:8::2"},
    }
    nodes = {"host": {"role": "gateway", "interfaces": ports, "routes": routes, "rules": rules}}
    networks = {"wan": ["198.51.100.0/24", "2001:db8:1::/64"], "lan": "10.0.0.0/24", "wg": "fd00:8::/64"}
    return Topology.model_validate({"topology": "host", "networks": networks, "nodes": nodes})


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("198.51.100.0/25 dev eth0 proto kernel scope link src 198.51.100.7", True),
        ("198.51.100.0/24 dev eth0 proto kernel scope link src 198.51.100.7", False),
        ("10.0.0.0/24 dev eth1 proto kernel scope link src 10.0.0.5 metric 100", True),
        ("10.0.0.0/24 dev eth1 proto kernel scope link src 10.0.0.9", False),
        ("10.0.0.0/24 dev eth1 proto static scope link src 10.0.0.5", False),
        ("10.0.0.0/24 dev eth0 proto kernel scope link", False),
        ("10.0.0.0/24 via 10.0.0.1 dev eth1 proto kernel", False),
        ("10.0.0.0/24 dev eth1 table 7 proto kernel scope link", False),
        ("2001:db8:1::/64 dev eth0 proto kernel metric 256 expires 9sec pref medium", True),
        ("fe80::/64 dev eth0 proto kernel metric 256 pref medium", True),
        ("local fe80::5054:ff:fe00:1 dev eth0 table local proto kernel metric 0 pref medium", True),
        ("anycast fe80:: dev eth0 table local proto kernel metric 0 pref medium", True),
        ("anycast 2001:db8:1:: dev eth0 table local proto kernel metric 0 pref medium", True),
        ("multicast ff00::/8 dev wg0 table local proto kernel metric 256 pref medium", True),
        ("local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1", True),
        ("local ::1 dev lo table local proto kernel metric 0 pref medium", True),
        ("local 10.0.0.9 dev eth1 table local proto kernel scope host src 10.0.0.5", True),
        ("local 10.0.0.8 dev eth1 table local proto kernel scope host src 10.0.0.5", False),
        ("broadcast 10.0.0.255 dev eth1 table local proto kernel scope link src 10.0.0.5", True),
        ("broadcast 198.51.100.255 dev eth0 table local proto kernel scope link", False),
        ("broadcast 198.51.100.127 dev eth0 table local proto kernel scope link", True),
        ("unreachable default dev lo table unspec proto kernel metric 4294967295 error -101 pref medium", True),
        ("unreachable default metric 4294967295", False),
    ],
)
def test_what_the_kernel_has_made(line: str, made: bool) -> None:
    spec = host(line).nodes["host"]
    assert is_made(spec.routes[0], spec.interfaces) is made


def test_the_metric_of_what_the_kernel_makes_is_kept() -> None:
    lines = ["10.0.0.0/24 dev eth1 proto kernel metric 600", "2001:db8:1::/64 dev eth0 proto kernel metric 256 pref medium",
             "198.51.100.0/25 dev eth0 proto static metric 5"]  # fmt: skip
    spec = host(lines).nodes["host"]
    assert [*metrics(spec.routes, spec.interfaces)] == [("eth1", ip_network("10.0.0.0/24"), 600)]


@pytest.mark.parametrize(
    ("line", "family"),
    [
        ("default dev wg0", 6),  # only IPv6 addresses are there
        ("default dev eth1", 4),
        ("default dev eth0", 4),  # both are: as ever
        ("default dev eth0 pref medium", 6),
        ("default dev wg0 src 10.0.0.5", 4),
        ("-4 default dev wg0", 4),
        ("unreachable default", 4),
    ],
)
def test_of_which_family_a_default_is(line: str, family: int) -> None:
    assert host(line).nodes["host"].routes[0].family == family


def test_lines_know_their_item() -> None:
    lines = ["10.1.0.0/16 dev eth1\n10.2.0.0/16 dev eth1", "10.3.0.0/16 dev eth1"]
    spec = host(lines, ["0: from all lookup local", "lookup 7"]).nodes["host"]
    assert [(route.text[:5], route.item) for route in spec.routes] == [("10.1.", 0), ("10.2.", 0), ("10.3.", 1)]
    assert [(rule.item, rule.is_stock) for rule in spec.rules] == [(0, True), (1, False)]


@pytest.mark.parametrize(
    ("line", "stock"),
    [
        ("0: from all lookup local", True),
        ("32766: from all lookup main", True),
        ("-6 32766: from all lookup main", True),
        ("32767: from all lookup default", True),
        ("1: from all lookup local", False),
        ("32766: from all lookup main suppress_prefixlength 0", False),
        ("32766: not from all fwmark 1 lookup main", False),
        ("from all lookup main", False),
    ],
)
def test_the_rules_of_every_node(line: str, stock: bool) -> None:
    (rule,) = parse_rules(line)
    assert rule.is_stock is stock
