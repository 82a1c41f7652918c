"""One host becomes one node, with its own names, and a node behind each of its interfaces."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.errors import InputError
from lab.record.host import Dumped, Link
from lab.twin.build import twin_of
from lab.written.policy import Piped
from tests.unit.twin.made import EDGE, FORWARDS, RULES, UPLINK, addresses, anyip, edge, host, link


def test_the_first_slice() -> None:
    twin = edge(text=RULES)
    nodes = twin.topology.nodes
    assert list(nodes) == ["edge", "behind-eth0", "behind-eth1"]
    assert [node.role for node in nodes.values()] == ["host", "internet", "behind"]
    assert addresses(nodes["edge"]) == {"eth0": ["198.51.100.2/29"], "eth1": ["10.0.0.1/24"]}
    assert addresses(nodes["behind-eth0"]) == {"eth0": ["198.51.100.1/29"]}, "the gateway is there"
    assert anyip(nodes["behind-eth0"]) == ["0.0.0.0/0", "198.51.100.0/29"]
    assert anyip(nodes["behind-eth1"]) == ["10.0.0.0/24"]
    assert nodes["edge"].forwards
    assert nodes["behind-eth1"].via == ("edge",)
    assert twin.policies == {"edge": (Piped("v4", RULES, "fw.rules"),)}
    assert (twin.notes, twin.guesses) == ((), ())
    for address, owner in (("10.0.0.77", "behind-eth1"), ("8.8.8.8", "behind-eth0"), ("198.51.100.6", "behind-eth0"),
                           ("10.0.0.1", "edge"), ("10.0.0.255", None)):  # fmt: skip
        assert twin.topology.owner(address) == owner


def test_who_is_behind_has_no_address_that_rules_name() -> None:
    twin = edge(text=RULES.replace("-i eth1", "-i eth1 -s 10.0.0.2 -d 10.0.0.3/32"))
    assert addresses(twin.topology.nodes["behind-eth1"]) == {"eth1": ["10.0.0.4/24"]}


def test_every_gateway_behind_an_interface_is_there_and_what_it_leads_to() -> None:
    routes = ["10.7.0.0/16 via 10.0.0.7 dev eth1", "10.8.0.0/16 via 10.0.0.8", "10.9.0.0/16 nexthop via 10.0.0.7 dev eth1",
              "blackhole 10.10.0.0/16", "unreachable 10.11.0.0/16 metric 5"]  # fmt: skip
    twin = edge(routes=routes)
    behind = twin.topology.nodes["behind-eth1"]
    assert addresses(behind) == {"eth1": ["10.0.0.7/24", "10.0.0.8/24"]}
    assert anyip(behind) == ["10.7.0.0/16", "10.8.0.0/16", "10.9.0.0/16", "10.0.0.0/24"]
    assert len(twin.topology.nodes["edge"].routes) == 6
    assert twin.notes == ()


NAMES = ["eth0.100", "br-1234abcd5678", "wlan0-guest+", "veth@if5", "a23456789012345", "-x", "10.0.0.9", "a[b],c>"]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_interfaces(name: str) -> None:
    twin = edge(link(name, "10.2.0.1/24"))
    own = name.partition("@")[0]
    assert own in twin.topology.nodes["edge"].interfaces
    assert twin.topology.owner("10.2.0.5") == twin.behind["edge"][own]
    assert twin.word(f"@{own}", sender=True) == twin.behind["edge"][own]
    assert name in NAMES[-3:] or twin.behind["edge"][own] == f"behind-{own}"


def test_a_name_that_no_interface_can_have_is_told() -> None:
    twin = edge(link("much-too-long-a-name", "10.2.0.1/24"), link("a/b", "10.3.0.1/24"))
    assert list(twin.behind["edge"]) == ["eth0", "eth1"]
    assert "much-too-long-a-name" in " ".join(twin.notes)


def test_kinds_that_a_lab_has_not_become_veths_and_that_is_told() -> None:
    twin = edge(
        link("eth0.7", "10.7.0.1/24", kind="vlan"), link("br0", "10.8.0.1/24", kind="bridge"),
        link("dummy0", "10.9.0.1/24", kind="dummy"), link("wg0", "10.10.0.1/24", kind="wireguard", mtu=1420),
        link("vnet1", master="br0"), link("vnet2", master="br0"),
    )  # fmt: skip
    assert twin.notes == (
        "edge: eth0.7 (vlan on the host) is a veth in the lab",
        "edge: br0 (bridge on the host) is a veth in the lab",
        "edge: wg0 (wireguard on the host) is a veth in the lab",
        "edge: not in the lab: vnet1, vnet2 (a port of br0)",
    )
    wg0 = twin.topology.nodes["edge"].interfaces["wg0"]
    assert (wg0.link, wg0.mtu) == ("point-to-point", 1420)
    assert twin.topology.nodes["behind-wg0"].interfaces["wg0"].mtu == 1420


def test_what_is_down_is_not_there_nor_its_routes() -> None:
    twin = edge(link("eth2", "10.2.0.1/24", up=False), routes=["10.3.0.0/16 via 10.2.0.2 dev eth2", "10.4.0.0/16 dev eth9"])
    assert "eth2" not in twin.topology.nodes["edge"].interfaces
    assert twin.notes == (
        "edge: not in the lab: eth2 (down)",
        "edge: route '10.4.0.0/16 dev eth9' is not in the lab: there is no eth9",
        "edge: 1 routes are not in the lab: they leave by interfaces that are not",
    )
    assert twin.topology.owner("10.2.0.7") == "behind-eth0", "the default route leads there now"


def test_addresses_of_the_loopback_are_at_an_interface() -> None:
    twin = twin_of([host(link("lo", "127.0.0.1/8", "10.255.0.1/32", "10.0.0.9/32"), *EDGE[1:], routes=[UPLINK])])
    assert addresses(twin.topology.nodes["edge"]) == {
        "eth0": ["198.51.100.2/29", "10.255.0.1/32"], "eth1": ["10.0.0.1/24", "10.0.0.9/32"],
    }  # fmt: skip
    assert "edge: 10.255.0.1 is on lo of the host, and on eth0 in the lab" in twin.notes
    assert twin.topology.owner("10.255.0.1") == "edge"


def test_mac_and_mtu_are_the_hosts_where_a_lab_can_have_them() -> None:
    twin = edge(
        link("eth2", "10.2.0.1/24", mac="52:54:00:12:34:56", mtu=9000),
        link("eth3", "10.3.0.1/24", mac="01:00:5e:00:00:01", mtu=70000),
        link("eth4", "10.4.0.1/24", "2001:db8::1/64", mac="02:4c:00:00:00:01", mtu=576),
    )  # fmt: skip
    interfaces = twin.topology.nodes["edge"].interfaces
    assert [(interfaces[name].mac, interfaces[name].mtu) for name in ("eth2", "eth3", "eth4")] == [
        ("52:54:00:12:34:56", 9000), (None, None), (None, None),
    ]  # fmt: skip
    assert twin.topology.nodes["behind-eth2"].interfaces["eth2"].mac is None


def test_whether_it_forwards_is_guessed_of_its_rules_where_no_sysctl_says() -> None:
    twin = edge(text=RULES, sysctls={})
    assert twin.topology.nodes["edge"].forwards
    (guess,) = twin.guesses
    assert (guess.what, guess.rests_on) == ("edge forwards packets", "-A FORWARD -i eth1 -o eth0 -j ACCEPT")
    assert str(guess.where) == "fw.rules:3"
    assert not edge(text="*filter\n-A INPUT -j DROP\nCOMMIT\n", sysctls={}).topology.nodes["edge"].forwards
    assert not edge(text=RULES, sysctls={"net.ipv4.ip_forward": "0"}).topology.nodes["edge"].forwards


def test_an_nft_chain_at_the_hook_of_forwarding_tells_it_too() -> None:
    script = "table inet f {\n chain c {\n  type filter hook forward priority 0; policy drop;\n }\n}\n"
    made = twin_of([replace(host(*EDGE, sysctls={}), rulesets={"nft": Dumped(script, "fw.nft")})])
    assert [guess.rests_on for guess in made.guesses] == ["type filter hook forward priority 0; policy drop;"]


def test_sysctls_that_decide_about_packets_are_the_nodes() -> None:
    said = {
        **FORWARDS, "net.ipv4.conf.all.rp_filter": "2", "net.ipv4.conf.eth0.rp_filter": "1",
        "net.ipv4.conf.eth9.rp_filter": "1", "net.ipv4.conf.eth0/7.rp_filter": "1", "net.ipv4.icmp_ratemask": "6168",
        "net.core.somaxconn": "128", "net.ipv6.conf.all.forwarding": "0", "net.netfilter.nf_conntrack_tcp_loose": "0",
        "net.ipv4.conf.all.accept_local": "x; reboot",
    }  # fmt: skip
    twin = edge(link("eth0.7", "10.7.0.1/24"), sysctls=said)
    assert twin.topology.nodes["edge"].sysctls == {
        "net.ipv4.conf.all.rp_filter": "2", "net.ipv4.conf.eth0.rp_filter": "1", "net.ipv4.conf.eth0/7.rp_filter": "1",
        "net.netfilter.nf_conntrack_tcp_loose": "0", "net.ipv6.conf.all.forwarding": "0",
    }  # fmt: skip


def test_rules_of_another_host_are_refused() -> None:
    other = "*filter\n-A FORWARD -i ens3 -o ens4 -j ACCEPT\nCOMMIT\n"
    with pytest.raises(InputError) as caught:
        edge(text=other)
    told = "the rules are of another host than edge: they name ens3 (fw.rules:2), ens4 (fw.rules:2), and it has eth0, eth1"
    assert told in str(caught.value)
    assert "ens3 (fw.rules:2)" in edge(text=other, is_snapshot=True).notes[0], "a snapshot is of one host"
    assert "ens3 (fw.rules:2)" in edge(text=other.replace("-o ens4", "")).notes[0], "one interface says little"


def test_rules_that_name_an_interface_too_many_are_told_of() -> None:
    rules = ("-A INPUT -i lo -j ACCEPT", "-A INPUT -i eth0 -j DROP", "-A INPUT ! -i tun+ -o tun7 -j DROP")
    twin = edge(text="\n".join(("*filter", *rules, "COMMIT", "")))
    assert twin.notes[0] == (
        "edge: rules name interfaces that it does not have: tun7 (fw.rules:4): no packet comes or goes by them"
    )


@pytest.mark.parametrize("links", [(), (EDGE[0],)])
def test_a_host_without_interfaces_is_refused(links: tuple[Link, ...]) -> None:
    with pytest.raises(InputError, match="edge has no interface that a lab can have"):
        twin_of([host(*links)])


def test_an_address_that_no_lab_can_have_is_told_of() -> None:
    twin = edge(link("eth2", "240.0.0.1/24", "10.2.0.0/24", "fe80::1/64"))
    assert addresses(twin.topology.nodes["edge"])["eth2"] == ["10.2.0.0/32"]
    assert "eth2 has 240.0.0.1, which no node of a lab can have: reserved" in twin.notes[0]
