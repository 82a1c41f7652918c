"""What `ip` prints is the same host, whether as text or as JSON, and a line that is not of it is told with its place."""

from __future__ import annotations

import json
from ipaddress import ip_interface

import pytest

from lab.errors import InputError
from lab.record.host import Dumped, Link
from lab.twin.ip_json import links_of_json, route_lines, rule_lines
from lab.twin.ip_lines import routes_of, rules_of
from lab.twin.ip_text import links_of_text

DETAILS = """2: wan0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1400 qdisc noqueue master br0 state UP group default qlen 1000
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff link-netnsid 0 promiscuity 1  allmulti 1 minmtu 68 maxmtu 65535
    veth
    bridge_slave state forwarding priority 32 cost 2 hairpin off numtxqueues 2
    altname enp0s3
    inet 10.0.0.1/24 brd 10.0.0.255 scope global wan0:1
       valid_lft forever preferred_lft forever
    inet6 fe80::1/64 scope link
       valid_lft forever preferred_lft forever
    inet6 2001:db8::9/64 scope global dadfailed tentative
3: ppp0: <POINTOPOINT,MULTICAST,NOARP,UP,LOWER_UP> mtu 1492 qdisc fq state UNKNOWN group default qlen 3
    link/ppp
    inet 198.51.100.7 peer 192.0.2.1/32 scope global ppp0
4: eth1: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group default qlen 1000
    link/ether 02:00:00:00:00:04 brd ff:ff:ff:ff:ff:ff
"""
JSON = json.dumps([
    {}, {
        "ifname": "wan0", "link_index": 7, "flags": ["BROADCAST", "UP"], "mtu": 1400, "master": "br0", "link_type": "ether",
        "address": "02:00:00:00:00:01", "linkinfo": {"info_kind": "veth", "info_slave_kind": "bridge"},
        "addr_info": [
            {"family": "inet", "local": "10.0.0.1", "prefixlen": 24, "label": "wan0:1"},
            {"family": "inet6", "local": "fe80::1", "prefixlen": 64},
            {"family": "inet6", "local": "2001:db8::9", "prefixlen": 64, "dadfailed": True}, {},
        ],
    },
    {
        "ifname": "ppp0", "flags": ["POINTOPOINT", "UP"], "mtu": 1492, "link_type": "ppp",
        "addr_info": [{"family": "inet", "local": "198.51.100.7", "address": "192.0.2.1", "prefixlen": 32}],
    },
    {"ifname": "eth1", "flags": ["BROADCAST"], "mtu": 1500, "link_type": "ether", "address": "02:00:00:00:00:04"},
])  # fmt: skip
LINKS = (
    Link(
        "wan0", (ip_interface("10.0.0.1/24"), ip_interface("fe80::1/64")), "veth", "02:00:00:00:00:01", 1400, master="br0"
    ),
    Link("ppp0", (ip_interface("198.51.100.7/32"),), "ppp", None, 1492, peer=("192.0.2.1",), point_to_point=True),
    Link("eth1", (), None, "02:00:00:00:00:04", 1500, up=False),
)


def given(text: str) -> Dumped:
    return Dumped(text, "ip.txt")


def test_the_links_of_a_text() -> None:
    assert links_of_text(given(DETAILS)) == LINKS


def test_the_same_links_in_json() -> None:
    assert links_of_json(given(JSON)) == LINKS


def test_the_links_of_lines_with_backslashes() -> None:
    """``ip -o addr`` tells no flags."""
    text = (
        "2: eth0    inet 10.0.0.1/24 brd 10.0.0.255 scope global eth0\\       valid_lft forever preferred_lft forever\n"
        "2: eth0    inet6 fe80::1/64 scope link \\       valid_lft forever preferred_lft forever\n"
    )
    assert links_of_text(given(text)) == (Link("eth0", (ip_interface("10.0.0.1/24"), ip_interface("fe80::1/64"))),)
    (link,) = links_of_text(given(DETAILS.split("3: ")[0].rstrip("\n").replace("\n", "\\")))
    assert link == LINKS[0]


def test_the_far_end_of_a_prefix_that_both_lie_in() -> None:
    text = "5: tap0: <UP> mtu 1450\n    inet 10.1.64.69 peer 10.1.64.70/30 brd 10.1.64.71 scope global tap0\n"
    (link,) = links_of_text(given(text))
    assert (link.addresses, link.peer) == ((ip_interface("10.1.64.69/30"),), ("10.1.64.70",))


def test_an_own_address_outside_of_the_far_ends_prefix_stands_alone() -> None:
    (link,) = links_of_text(given("5: tun0: <UP> mtu 1450\n    inet 10.8.0.1 peer 192.0.2.9/24 scope global tun0\n"))
    assert (link.addresses, link.peer) == ((ip_interface("10.8.0.1/32"),), ("192.0.2.9",))


def test_both_families_one_after_the_other() -> None:
    head = "2: eth0: <UP> mtu 1500\n"
    four, six = "    inet 10.0.0.1/24 scope global eth0\n", "    inet6 2001:db8::1/64 scope global\n"
    text = f"$ ip -4 addr\n{head}{four}# ip -6 addr\n{head}{six}"
    (link,) = links_of_text(given(text))
    assert [str(one) for one in link.addresses] == ["10.0.0.1/24", "2001:db8::1/64"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("eth0: flags=4163<UP>  mtu 1500\n", "ip.txt:1: `eth0: flags=4163<UP>  mtu 1500` is no line of `ip addr`"),
        ("2: eth0: <UP> mtu 1500\n    inet 10.0.0/24 scope global\n", "ip.txt:2: '10.0.0/24' is not an address"),
        ("2: eth0: <UP> mtu 1500\n    inet 2001:db8::1/64\n", "ip.txt:2: '2001:db8::1/64' is not an address of IPv4"),
        ("2: eth0: <UP> mtu 1500\n    inet\n", "ip.txt:2: no address follows `inet`"),
        ("2: a-name-that-is-too-long: <UP> mtu 1500\n", "is no name that an interface can have"),
        (
            "2: eth0: <UP> mtu 1\n    link/ether 02:00:00:00:00:01\n9: eth0: <UP> mtu 1\n    link/ether 02:00:00:00:00:02\n",
            "ip.txt:3: the interface eth0 is there twice, with the hardware address 02:00:00:00:00:01 and 02:00:00:00:00:02",
        ),
    ],
)
def test_what_is_no_such_text_is_told(text: str, said: str) -> None:
    with pytest.raises(InputError) as told:
        links_of_text(given(text))
    assert said in str(told.value)


ROUTES = [
    ({"dst": "default", "gateway": "10.0.0.1", "dev": "eth0", "flags": []}, "default via 10.0.0.1 dev eth0"),
    (
        {"dst": "10.1.0.0/24", "dev": "eth0", "protocol": "kernel", "scope": "link", "prefsrc": "10.1.0.1",
         "flags": ["linkdown"]},
        "10.1.0.0/24 dev eth0 proto kernel scope link src 10.1.0.1 linkdown",
    ),
    (
        {"dst": "10.7.0.0/16", "flags": [], "nexthops": [
            {"gateway": "10.0.0.3", "dev": "eth0", "weight": 2, "flags": []},
            {"gateway": "10.0.0.4", "dev": "eth0", "weight": 1, "flags": ["onlink"]},
            {"gateway": "10.0.0.5", "dev": "eth0", "weight": 1, "flags": ["dead"]},
        ]},
        "10.7.0.0/16 nexthop via 10.0.0.3 dev eth0 weight 2 nexthop via 10.0.0.4 dev eth0 weight 1 onlink",
    ),
    ({"type": "blackhole", "dst": "10.9.0.0/16", "metric": 5}, "blackhole 10.9.0.0/16 metric 5"),
    ({"dst": "10.8.0.0/16", "gateway": "10.0.0.1", "dev": "e", "table": "201", "metrics": [{"mtu": 1400}]},
     "10.8.0.0/16 via 10.0.0.1 dev e table 201 mtu 1400"),
    ({"dst": "10.5.0.0/16", "via": {"family": "inet6", "host": "fe80::1"}, "dev": "e"}, "10.5.0.0/16 via inet6 fe80::1 dev e"),
    ({"dst": "fd01::/64", "from": "fd00::/64", "dev": "e", "metric": 1024, "pref": "medium"},
     "fd01::/64 from fd00::/64 dev e metric 1024 pref medium"),
]  # fmt: skip
RULES = [
    ({"priority": 0, "src": "all", "table": "local"}, "0: from all lookup local"),
    (
        {"priority": 5, "not": None, "src": "10.1.0.0", "srclen": 24, "dst": "10.2.0.1", "tos": "0x10", "iif": "eth0",
         "table": "100"},
        "5: not from 10.1.0.0/24 to 10.2.0.1 tos 0x10 iif eth0 lookup 100",
    ),
    ({"priority": 6, "src": "all", "goto": 700}, "6: from all goto 700"),
    (
        {"priority": 7, "src": "all", "uid_start": 0, "uid_end": 9, "ipproto": "tcp", "sport_start": 10, "sport_end": 20,
         "dport": 80, "action": "prohibit"},
        "7: from all uidrange 0-9 ipproto tcp sport 10-20 dport 80 prohibit",
    ),
    ({"priority": 8, "src": "all", "fwmark": "0x10", "fwmask": "0xff", "table": "main", "suppress_prefixlen": 0},
     "8: from all fwmark 0x10/0xff lookup main suppress_prefixlength 0"),
    ({"priority": 9, "src": "all", "oif": "gone", "oif_detached": None, "table": "100"},
     "9: from all oif gone [detached] lookup 100"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "line"), ROUTES)
def test_a_route_in_json_is_the_line_that_ip_prints(value: object, line: str) -> None:
    ((_, found),) = routes_of(given(json.dumps([value])), mend=False).lines
    assert found == line


@pytest.mark.parametrize(("value", "line"), RULES)
def test_a_rule_in_json_is_the_line_that_ip_prints(value: object, line: str) -> None:
    ((_, found),) = rules_of(given(json.dumps([value])), mend=False).lines
    assert found == line


def test_a_rule_whose_action_is_not_known_is_not_taken_for_another() -> None:
    for value in ({"priority": 1, "src": "all", "action": "masquerade"}, {"src": "all"}, "x", {"priority": -1}):
        with pytest.raises(InputError):
            rule_lines(given(json.dumps([value])))
    for route in ({"dst": "10.0.0.0/8", "encap": "mpls", "dev": "e"}, {"dst": "10.0.0.0/8", "dev": "e", "encap": {}}):
        with pytest.raises(InputError, match="encap"):
            routes_of(given(json.dumps([route])), mend=False)
    with pytest.raises(InputError, match="no `dst`"):
        route_lines(given('[{"dev": "e"}]'))


def test_the_table_of_a_file() -> None:
    ways = "".join(f"\tnexthop via 10.0.0.{number} dev eth0 weight 1 \n" for number in (3, 4))
    text = f"default via 10.0.0.1 dev eth0 \n10.7.0.0/16 \n{ways}"
    lines = [line for _, line in routes_of(given(text), table="DSL", mend=False).lines]
    assert lines == [
        "default via 10.0.0.1 dev eth0 table DSL",
        "10.7.0.0/16 table DSL nexthop via 10.0.0.3 dev eth0 weight 1 nexthop via 10.0.0.4 dev eth0 weight 1",
    ]
    with pytest.raises(InputError, match="is of table 7, and the file is given as table DSL"):
        routes_of(given("default via 10.0.0.1 dev eth0 table 7"), table="DSL", mend=False)


def test_the_family_of_a_file_is_that_of_its_addresses() -> None:
    six = "2001:db8::/64 dev eth0 proto kernel metric 256 pref medium\ndefault dev tun0\n"
    assert [family for family, _ in routes_of(given(six), mend=False).lines] == [6, 6]
    assert [family for family, _ in routes_of(given("default dev tun0\n10.0.0.0/8 dev eth0"), mend=False).lines] == [4, 4]
    assert [family for family, _ in routes_of(given("$ ip -6 route show\ndefault dev tun0\n"), mend=False).lines] == [6]
    rules = "0:\tfrom all lookup local\n5:\tfrom 2001:db8::/64 lookup 7\n"
    assert [family for family, _ in rules_of(given(rules), mend=False).lines] == [6, 6]
    assert [family for family, _ in rules_of(given("0:\tfrom all lookup local"), family=6, mend=False).lines] == [6]


def test_a_line_that_is_no_route_is_told_with_its_place() -> None:
    with pytest.raises(InputError, match=r"ip\.txt:2: '10\.0\.0\.0/8 via nowhere'"):
        routes_of(given("default via 10.0.0.1 dev eth0\n10.0.0.0/8 via nowhere\n"), mend=False)
    with pytest.raises(InputError, match=r"ip\.txt:1: '5:\\tfrom all lookup 7 sideways'"):
        rules_of(given("5:\tfrom all lookup 7 sideways"), mend=False)
