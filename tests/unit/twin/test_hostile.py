"""Dumps come from strangers: whatever they say, there is a twin that can be built, or an error that says what is wrong."""

from __future__ import annotations

from ipaddress import ip_interface

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.errors import InputError
from lab.record.host import Dumped, Host, Link
from lab.twin.build import twin_of
from lab.written.topology_checks import check_topology

WORDS = st.sampled_from(["eth0", "eth1", "ppp0", "lo", "br-1", "all", "..", "a b", "eth0.7", "x" * 40, "self", "-", "é"])
ADDRESSES = st.sampled_from([
    "10.0.0.1/24", "10.0.0.2/24", "10.0.0.1/8", "10.0.0.129/25", "10.0.0.0/24", "10.0.0.255/24", "192.0.2.1/32",
    "192.0.2.0/31", "192.0.2.1/31", "0.0.0.0/0", "1.2.3.4/0", "240.0.0.1/4", "224.0.0.1/4", "127.0.0.1/8",
    "255.255.255.255/32", "169.254.1.1/16", "2001:db8::1/64", "2001:db8::2/64", "2001:db8::/64", "2001:db8::1/32",
    "2001:db8:1::1/128", "fe80::1/64", "fe80::1/128", "::1/128", "::/0", "ff02::1/8", "::ffff:10.0.0.1/96", "100::1/64",
])  # fmt: skip
ENDS = st.sampled_from([
    "default", "0.0.0.0/1", "10.0.0.0/24", "10.0.0.7", "10.0.0.128/26", "10.0.0.0/8", "172.16.0.0/12", "0.0.0.0/8",
    "::/0", "2001:db8::/64", "2001:db8::/32", "2001:db8:5::/48", "fe80::/64", "ff00::/8", "224.0.0.0/4", "junk", "10.0.0.1/33",
])  # fmt: skip
GATEWAYS = st.sampled_from([
    "", "via 10.0.0.9", "via 10.0.0.1", "via 172.31.1.1", "via fe80::9", "via 2001:db8::9", "via inet6 fe80::9",
    "via 127.0.0.1", "via 224.0.0.1", "via junk",
])  # fmt: skip
MORE = st.sampled_from(["", "onlink", "metric 5", "table 7", "table X", "src 10.0.0.1", "proto kernel", "dead", "encap x"])
ROUTES = st.builds(
    lambda family, kind, to, via, dev, more: (family, " ".join(filter(None, (kind, to, via, f"dev {dev}", more)))),
    st.sampled_from([4, 6]), st.sampled_from(["", "", "local", "blackhole", "multicast"]), ENDS, GATEWAYS, WORDS, MORE,
)  # fmt: skip
RULES = st.tuples(st.sampled_from([4, 6]), st.sampled_from([
    "0: from all lookup local", "9: from all lookup 7", "9: from all fwmark 1 lookup X", "9: not from all fwmark 1 lookup 7",
    "9: from all iif eth0 lookup X", "9: from all lookup [l3mdev-table]", "9: goto 4", "9: from all goto 40", "junk", "",
]))  # fmt: skip
OF_LINKS = (
    st.lists(st.builds(ip_interface, ADDRESSES), max_size=3).map(tuple),
    st.sampled_from([None, "vlan", "ppp", "tun", "vrf", "bridge", "?"]),
    st.sampled_from([None, "52:54:00:00:00:01", "00:00:00:00:00:00", "junk"]),
    st.sampled_from([None, 1500, 0, 70000, 68, 1400]), st.sampled_from([True, True, False]),
    st.sampled_from([None, None, "br-1", "eth0", "gone"]),
    st.lists(st.sampled_from(["10.0.0.9", "junk", "fe80::7", "0.0.0.0"]), max_size=1).map(tuple), st.booleans(),
)  # fmt: skip
LINKS = st.lists(st.builds(Link, WORDS, *OF_LINKS), max_size=4)
TEXTS = st.sampled_from(["", "", "-A FORWARD -i eth0 -j DROP", "-A INPUT -i a -i b -j X", "\0"])
HOSTS = st.builds(
    lambda name, links, routes, rules, text: Host(
        name, (Link("eth0", (ip_interface("198.51.100.2/29"),)), *links), tuple(routes), tuple(rules), {7: "X", 8: "X"},
        {"v4": Dumped(text, "fw.rules")} if text else {},
        sysctls={"net.ipv4.conf.eth0/7.rp_filter": "1", "net.ipv4.ip_forward": "x\ny", "net.ipv4.conf.default.forwarding": "1"},
    ),
    st.sampled_from(["a", "b", "", "behind-eth0", "10.0.0.1"]), LINKS, st.lists(ROUTES, max_size=8),
    st.lists(RULES, max_size=3), TEXTS,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(HOSTS, min_size=1, max_size=2))
def test_there_is_a_twin_or_an_error_of_the_dumps(hosts: list[Host]) -> None:
    try:
        twin = twin_of(hosts)
    except InputError as error:
        told = str(error)
    else:
        told = ""
        assert list(check_topology(twin.topology)) == []
        assert twin.behind.keys() == twin.hosts.keys() <= twin.topology.nodes.keys()
    known = (
        "two hosts are called", "the rules are of another host", "has no interface that a lab can have",
        "overlap, and none is a part of the other",
    )  # fmt: skip
    assert not told or any(words in told for words in known), told


def test_an_address_of_one_host_within_a_network_of_another_is_told_once() -> None:
    """Neither can be parted by the other: where 10.0.0.255 is, the two hosts do not agree."""
    hosts = [
        Host(name, (Link("eth0", tuple(map(ip_interface, addresses))),), (), (), {}, {})
        for name, addresses in {"a": ["10.0.0.129/25"], "b": ["10.0.0.1/24", "10.0.0.255/24"]}.items()
    ]
    with pytest.raises(InputError) as told:
        twin_of(hosts)
    (problem,) = told.value.problems
    assert problem.what.startswith("the networks of a and b overlap, and none is a part of the other: network b-eth0: 10.0.")
    assert problem.mend == "take the dumps of one moment, or leave one of the hosts out"
