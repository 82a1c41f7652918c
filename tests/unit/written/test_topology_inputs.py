"""What is told of a topology that cannot be: one change of the example, one problem, in its line."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from lab.written.load import load_topology
from lab.written.topology import Topology
from lab.written.topology_checks import check_topology
from tests.unit.written.written import TOPOLOGY, assert_told, changed, line_of, told, topology

PARTNER = "198.51.100.20}, "
OFFICE = '{lan: [10.0.1.10, "2001:db8:a::10"]}'
ROUTE = "[10.99.0.0/16 via 10.0.1.99]"
RULE = "[fwmark 2 lookup 102 pref 100]"
SYSCTL = "{net.ipv4.conf.all.rp_filter: 1}"

CASES = [
    # shape
    ("forwards: true", "forward: true", ["unknown key 'forward'", "did you mean 'forwards'?"]),
    ("forwards: true", "forwards: yes", ["yes is a boolean", "true or false"]),
    ("forwards: true", "forwards: 1", ["true or false belongs here, not 1"]),
    ("role: client, ", "", ["`role` is missing in 'office'"]),
    ("role: client", "role: 7", ["7 is a number", 'quote it: "7"']),
    ("role: client", "role: null", ["nothing here"]),
    ("role: client", "role: [client]", ["list", "one word"]),
    ("topology: edge", "topology: 2024-01-01", ["a date", "quote it"]),
    ("topology: edge", 'topology: "a b"', ["'a b' is not a name"]),
    ("topology: edge", "topology: ../edge", ["is not a name"]),
    ("  web: {", "  10.0.0.1: {", ["is an address and cannot be a name"]),
    ("  web: {", '  "web@dmz": {', ["'web@dmz' is not a name"]),
    ("  web: {", "  on: {", ["on is a boolean"]),
    ("  web: {", "  office: {", ["'office'", "second time"]),
    # interfaces
    (OFFICE, "{}", ["office has no interfaces"]),
    (OFFICE, "[lan]", ["written as a mapping"]),
    (OFFICE, "{lan: }", ["nothing here"]),
    (OFFICE, "{lan: []}", ["the list is empty"]),
    (OFFICE, "{eth0: 10.0.1.10}", ["there is no network 'eth0'", "dmz, lan, wan"]),
    (OFFICE, "{eth0: {network: lann, address: 10.0.1.10}}", ["there is no network 'lann'", "did you mean 'lan'?"]),
    (OFFICE, "{eth0: {network: lan, adress: 10.0.1.10}}", ["unknown key 'adress'", "did you mean 'address'?"]),
    (OFFICE, "{eth0: {address: 10.0.1.10}}", ["`network` is missing in 'eth0'"]),
    (OFFICE, "{sixteen-letters-: {network: lan, address: 10.0.1.10}}", ["not an interface name", "15"]),
    (OFFICE, f"{{{8 * 'é'}: {{network: lan, address: 10.0.1.10}}}}", ["not an interface name", "bytes"]),
    (OFFICE, "{eth%d: {network: lan, address: 10.0.1.10}}", ["not an interface name", "'%'"]),
    (OFFICE, '{"eth0\\n": {network: lan, address: 10.0.1.10}}', ["not an interface name"]),
    (OFFICE, "{'et h0': {network: lan, address: 10.0.1.10}}", ["not an interface name"]),
    (OFFICE, "{lo: {network: lan, address: 10.0.1.10}}", ["'lo' cannot be an interface"]),
    # addresses
    (OFFICE, "{lan: 10.0.2.77}", ["office: 10.0.2.77 lies outside network lan (10.0.1.0/24"]),
    (OFFICE, "{lan: 10.0.1.0}", ["10.0.1.0 cannot be used", "network address of 10.0.1.0/24"]),
    (OFFICE, "{lan: 10.0.1.255}", ["10.0.1.255 cannot be used", "broadcast address"]),
    (OFFICE, "{lan: 10.0.1}", ["'10.0.1' is not an IPv4 or IPv6 address"]),
    (OFFICE, "{lan: 10.1}", ["10.1 is a float", "quote it"]),
    (OFFICE, "{lan: [10.0.1.10, 10.0.1.10]}", ["office: 10.0.1.10 is the address of node office already"]),
    ("198.51.100.20}", "198.51.100.254}", ["partner: 198.51.100.254 is the address of node world already"]),
    (OFFICE, '{lan: ["2001:db8:a::10", "2001:DB8:A:0::0010"]}', ["2001:db8:a::10 is the address of node office already"]),
    (OFFICE, '{lan: "2001:db8:b::10"}', ["2001:db8:b::10 lies outside network lan (10.0.1.0/24, 2001:db8:a::/64)"]),
    (OFFICE, '{lan: "2001:db8:a::"}', ["2001:db8:a:: cannot be used", "any router of 2001:db8:a::/64"]),
    (OFFICE, '{lan: "fe80::10"}', ["fe80::10 cannot be used", "link-local"]),
    (OFFICE, '{lan: "fe80::10%lan"}', ["without %INTERFACE"]),
    (OFFICE, '{lan: "::ffff:10.0.1.10"}', ["cannot be used", "IPv4-mapped: write the IPv4 address itself"]),
    (OFFICE, '{lan: "100::f00a:b001"}', ["100::f00a:b001 cannot be used", "canaries", "100::/64"]),
    (OFFICE, '{lan: "ff02::1"}', ["ff02::1 cannot be used", "multicast"]),
    (OFFICE, '{lan: "2001:db8:a::1::2"}', ["'2001:db8:a::1::2' is not an IPv4 or IPv6 address"]),
    # gateways, routes, rules
    ("via: world", "via: wrld", ["no node 'wrld' to go via", "did you mean 'world'?"]),
    ("via: world", "via: gateway", ["gateway cannot be its own gateway"]),
    ("via: world", "via: 10.9.9.9", ["10.9.9.9 is on none of its networks"]),
    ("via: world", 'via: [198.51.100.254, "2001:db8:9::fe"]', ["2001:db8:9::fe is on none of its networks"]),
    ("via: world", 'via: "fe80::1"', ["gateway: its gateway fe80::1 cannot be used: link-local"]),
    ("via: gateway}\n  gateway", 'via: "2001:db8:1::1"}\n  gateway',
     ["partner: its gateway 2001:db8:1::1 is out of reach: it has no IPv6 address on network wan"]),
    ("via: gateway}\n  gateway", "via: web}\n  gateway", ["partner: it shares no network with web"]),
    (ROUTE, "[10.99.0.0/16 over 10.0.1.99]", ["'over' is not known here"]),
    (ROUTE, "[10.99.0.0/16 via 10.7.1.99]", ["10.7.1.99 is on none of its networks"]),
    (ROUTE, "[10.99.0.0/16 dev eth9]", ["names no interface"]),
    (ROUTE, '["2001:db8:ff::/48 via 2001:db8:b::99"]', ["2001:db8:b::99 is on none of its networks"]),
    (ROUTE, '["2001:db8:ff::/48 via fe80::99 dev lan"]', ["the gateway fe80::99 cannot be used: link-local"]),
    (ROUTE, '["2001:db8:ff::/48 via fe80::99%lan"]', ["without %INTERFACE"]),
    ("198.51.100.20}, ", '198.51.100.20}, routes: "2001:db8:ff::/48 dev wan", ', ["is of IPv6, which wan has no address of"]),
    (ROUTE, '["2001:db8:ff::/48 via 10.0.1.99"]', ["mixes IPv4 and IPv6"]),
    (ROUTE, '["2001:db8:ff::1/48 via 2001:db8:a::99"]', ["the network is 2001:db8:ff::/48"]),
    (ROUTE, "[10.99.0.5/16 dev lan]", ["the network is 10.99.0.0/16"]),
    (ROUTE, "10.99.0.0/16", ["leads nowhere"]),
    (ROUTE, "[10]", ["10 is a number"]),
    (ROUTE, '["default via fe80::99 dev lan pref medium"]', ["nobody on network lan is known", "link-local: fe80::99"]),
    (ROUTE, '["default via fe80::99 pref medium"]', ["is link-local", "dev INTERFACE"]),
    (ROUTE, "[10.99.0.0/16 dev lan src 10.0.1.7]", ["10.0.1.7 is no address of gateway", "leave `src` out"]),
    (ROUTE, "[10.0.1.0/24 dev lan proto kernel scope link src 10.0.1.7]", ["first address of lan in 10.0.1.0/24 is 10.0.1.1"]),
    (ROUTE, "[local 10.0.1.7 dev lan table local proto kernel]", ["10.0.1.7 is no address of lan", "write it at"]),
    (ROUTE, '["anycast 2001:db8:f:: dev lan table local"]', ["only the kernel makes an anycast route", "leave the line out"]),
    (ROUTE, "[172.17.0.0/16 dev docker0 proto kernel scope link src 172.17.0.1 linkdown]", ["no interface", "docker0"]),
    (ROUTE, "[default proto static nexthop via 10.0.1.99 nexthop via 10.7.1.99]", ["10.7.1.99 is on none of its networks"]),
    (ROUTE, '["10.1.0.0/16 dev lan\\n10.2.0.0/16 dev lan prto 7"]', ["'10.2.0.0/16 dev lan prto 7': 'prto' is not known here"]),
    (ROUTE, "[10.0.1.0/24 dev lan dead linkdown]", ["the kernel used this route no more", "leave the line out"]),
    (ROUTE, "[10.99.0.0/16 dev lan table dls]", ["no rule looks its table up", "is its name right?"]),
    (RULE, "[fwmark 2 lookup dls]", ["no route is in the table that it looks up", "is its name right?"]),
    (RULE, "[from all goto 900 pref 5]", ["no rule has pref 900"]),
    # links
    (OFFICE, "{lan: {network: lan, address: 10.0.1.10, mac: 52:54}}", ["52:54 is a number of base 60"]),
    (OFFICE, '{lan: {network: lan, address: 10.0.1.10, mac: "52:54:00:1:2:3"}}', ["not a MAC address", "write six bytes"]),
    (OFFICE, "{lan: {network: lan, address: 10.0.1.10, mac: 53:54:00:aa:bb:cc}}", ["a group of hosts"]),
    (OFFICE, '{lan: {network: lan, address: 10.0.1.10, mac: "00:00:00:00:00:00"}}', ["nobody"]),
    (OFFICE, '{lan: {network: lan, address: 10.0.1.10, mac: "02-4C-00-00-04-01"}}', ["the lab gives out itself"]),
    (OFFICE, "{lan: {network: lan, address: 10.0.1.10, mtu: 67}}", ["an MTU of 67 bytes cannot be: it is 68 to 65535"]),
    (OFFICE, '{lan: {network: lan, address: 10.0.1.10, mtu: "1400"}}', ["a whole number of bytes, not '1400'"]),
    (OFFICE, '{lan: {network: lan, address: ["2001:db8:a::10"], mtu: 1279}}', ["2001:db8:a::10 and MTU 1279", "needs 1280"]),
    (OFFICE, '{lan: {network: lan, address: 10.0.1.10, link-local: "fe80::"}}', ["no link-local address of a host"]),
    (OFFICE, '{lan: {network: lan, address: 10.0.1.10, link-local: "fd00::1"}}', ["no link-local address of a host"]),
    (OFFICE, '{lan: {network: lan, address: 10.0.1.10, link-local: "fe80::1"}}', ["lan has fe80::1", "IPv4 alone"]),
    (OFFICE, "{lan: {network: lan, address: 10.0.1.10, link: ptp}}", ["'ptp' is not one of 'point-to-point'"]),
    # addresses beside those of the network
    (OFFICE, "{lan: [10.0.1.10, 10.9.9.9]}", ["10.9.9.9 lies outside network lan", "write its prefix length: 10.9.9.9/32"]),
    (OFFICE, "{lan: [10.0.1.10, 10.0.2.77/32]}", ["10.0.2.77 lies outside network lan", "and inside network dmz"]),
    (OFFICE, "{lan: [10.0.1.10, 10.9.9.0/24]}", ["10.9.9.0 cannot be used", "network address"]),
    (RULE, "[32765: from all lookup 7]", ["the key 32765 is not a string", 'quote it: "32765", or the whole line']),
    (RULE, "[fwmark x lookup 102]", ["fwmark must be a number, not 'x'"]),
    (RULE, "[fwmark 2]", ["looks up no table"]),
    (RULE, '["from 2001:db8::1/32 lookup 100"]', ["'from 2001:db8::1/32 lookup 100'", "the network is 2001:db8::/32"]),
    (RULE, '["from 2001:db8::/32 to 10.0.0.0/8 lookup 100"]', ["mixes IPv4 and IPv6"]),
    (RULE, "[iif eth9 lookup 102]", ["'iif eth9 lookup 102' names no interface"]),
    # sysctls: only those of the node's own namespace, or the machine would be changed
    (SYSCTL, "{kernel.panic: 1}", ["'kernel.panic'", "only net.*"]),
    (SYSCTL, "{net/../kernel.panic: 1}", ["only net.*"]),
    (SYSCTL, '{"net.../../kernel/panic": 1}', ["is not the name of a sysctl"]),
    (SYSCTL, '{"net.ipv4/../../kernel/panic": 1}', ["is not the name of a sysctl"]),
    (SYSCTL, "{net.ipv4.ip_forward: true}", ["not true: write 1"]),
    (SYSCTL, "{net.ipv4.ip_forward: [1]}", ["list"]),
    # anyip, services, names
    ("anyip: true", "anyip: 8.8.8.0/33", ["'8.8.8.0/33' is not an IPv4 or IPv6 network"]),
    ("anyip: true", "anyip: [8.8.8.0/24, 10.0.1.128/25]", ["10.0.1.128/25 lies inside network lan"]),
    ("anyip: true", 'anyip: ["2001:db8:a:0:1::/80"]', ["2001:db8:a:0:1::/80 lies inside network lan"]),
    ("anyip: true", 'anyip: ["100::/96"]', ["100::/96 cannot be used", "canaries"]),
    ("anyip: true", "anyip: [8.8.8.0/24, 10.0.1.128/25]", ["which it is not on", "give it an interface on lan"]),
    (PARTNER, f"{PARTNER}anyip: 192.0.2.0/24, same-as: wrold, ", ["no node 'wrold' to be the same as", "mean 'world'?"]),
    (PARTNER, f"{PARTNER}anyip: 192.0.2.0/24, same-as: partner, ", ["partner: it is the node itself", "all others are"]),
    (PARTNER, f"{PARTNER}anyip: 192.0.2.0/24, same-as: office, ", ["office stands for nobody", "give both `anyip`"]),
    ("role: client", "role: client, same-as: world", ["office stands for nobody", "give both `anyip`"]),
    ("anyip: true", "anyip: 240.1.0.0/16", ["240.1.0.0/16 cannot be used", "canaries"]),
    ("198.51.100.20}, ", '198.51.100.20}, anyip: [192.0.2.0/24, "2001:db8:9::/48"], ',
     ["partner cannot stand for 2001:db8:9::/48", "no IPv6 address", "give it an IPv6 address"]),
    ("[tcp/8443]", "[tcp/99999]", ["'99999' is not between port 1 and 65535"]),
    ("[tcp/8443]", "[8443]", ["say tcp/8443 or udp/8443"]),
    ("[tcp/8443]", "[sctp/5]", ["not yet"]),
    ("web-vip: 198.51.100.1", "web: 198.51.100.1", ["'web' is a node already"]),
    ("web-vip: 198.51.100.1", "web-vip: 240.0.0.1", ["240.0.0.1 cannot be used", "canaries"]),
    ("web-vip: 198.51.100.1", 'web-vip: [198.51.100.1, "100::1"]', ["100::1 cannot be used", "canaries"]),
    ("web-vip: 198.51.100.1", 'web-vip: "::ffff:198.51.100.1"', ["IPv4-mapped"]),
    ("web-vip: 198.51.100.1", 'web-vip: "fe80::1"', ["link-local"]),
    ("web-vip: 198.51.100.1", "web-vip: office", ["'office' is not an IPv4 or IPv6 address"]),
    ("web-vip: 198.51.100.1", "web-vip: []", ["the list is empty"]),
]


@pytest.mark.parametrize(("old", "new", "words"), CASES)
def test_one_change_one_problem(old: str, new: str, words: list[str], tmp_path: Path) -> None:
    path = changed(TOPOLOGY, old, new, tmp_path)
    assert_told(lambda: load_topology(path), line_of(TOPOLOGY, old), *words)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ("240.0.2.0/24", "canaries"),
        ("0.0.2.0/24", "not an address that a host can have"),
        ("127.0.2.0/24", "loopback"),
        ("224.0.2.0/24", "multicast"),
        ("ff02::/64", "multicast"),
        ("100::/64", "canaries"),
        ("100::f00a:0/112", "canaries"),
        ("fe80::/64", "link-local"),
        ("::ffff:10.0.3.0/120", "IPv4-mapped"),
        ("2001:db8:a:0:1::/80", "overlaps 2001:db8:a::/64 of network lan"),
        ("10.0.1.128/25", "overlaps 10.0.1.0/24 of network lan"),
    ],
)
def test_networks_that_cannot_be(network: str, words: str, tmp_path: Path) -> None:
    path = changed(TOPOLOGY, "nodes:\n", f'  more: ["{network}"]\nnodes:\n', tmp_path)
    shown = "::ffff:a00:300/120" if network.startswith("::ffff") else network
    assert_told(lambda: load_topology(path), line_of(path, "more:"), shown, words)


def test_every_two_networks_that_overlap_are_told_in_the_order_written() -> None:
    written = ["10.1.0.0/25", "10.0.0.0/8", "10.1.0.0/16", "fd00::/64", "10.2.0.0/16", "10.1.0.0/25", "11.0.0.0/8", "fd00::/48"]
    networks = {f"n{number}": network for number, network in enumerate(written)}
    stage = Topology.model_validate({"topology": "many", "networks": networks, "nodes": {}})
    found = [str(problem) for problem in check_topology(stage) if "overlaps" in problem.what]
    every = [(0, 1), (0, 2), (0, 5), (1, 2), (1, 4), (1, 5), (2, 5), (3, 7)]
    assert found == [f"network n{b}: {written[b]} overlaps {written[a]} of network n{a}" for a, b in every]


@pytest.mark.parametrize("network", ["10.0.2.1/24", "10.0.2.0/40", "dmz", "10.0.2", "2001:db8::/129", "fe80::%1/64"])
def test_what_is_no_network(network: str, tmp_path: Path) -> None:
    path = changed(TOPOLOGY, "nodes:\n", f'  more: ["{network}"]\nnodes:\n', tmp_path)
    assert_told(lambda: load_topology(path), line_of(path, "more:"), network)


def test_all_problems_of_the_shape_are_told_at_once(tmp_path: Path) -> None:
    path = changed(TOPOLOGY, "    forwards: true\n", "    forward: true\n    sysctls: {a.b: 1}\n", tmp_path)
    path = changed(path, f"    sysctls: {SYSCTL}\n", "", tmp_path)
    path = changed(path, "role: partner", "role: 1", tmp_path)
    assert [line for line, _ in told(lambda: load_topology(path))] == [13, 20, 21]


def test_all_problems_of_the_sense_are_told_at_once(tmp_path: Path) -> None:
    path = changed(TOPOLOGY, "198.51.100.20}", "198.51.100.254}", tmp_path)
    path = changed(path, "via: world", "via: nobody", tmp_path)
    path = changed(path, "web-vip:", "office:", tmp_path)
    assert [line for line, _ in told(lambda: load_topology(path))] == [13, 21, 28]


@pytest.mark.parametrize("text", ["topology: t\n", "topology: t\nnetworks: {}\nnodes: {}\n", "- a\n", "words\n"])
def test_what_is_no_topology(text: str, tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(text)
    for _, message in told(lambda: load_topology(path)):
        assert "networks" in message or "nodes" in message or "a mapping belongs here" in message


TWO = """
topology: two
networks: {wire: [198.51.100.0/24, "2001:db8:f::/64"], wg: "fd00:8::/64"}
nodes:
  far: {role: isp, interfaces: {wire: {network: wire, address: ["2001:db8:f::fe", 198.51.100.254], mac: 52:54:00:aa:bb:cc}}}
  peer: {role: peer, interfaces: {wg0: {network: wg, address: "fd00:8::1", link: point-to-point}}, anyip: true, via: host}
  host: {role: laptop, interfaces: {wire: ["198.51.100.20", "2001:db8:f::20"], wg0: {network: wg, address: "fd00:8::2"}}}
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('{wire: ["198', '{eth1: {network: wire, address: 198.51.100.21, mac: 52-54-00-AA-BB-CC}, wire: ["198', 7,
         ["host: 52:54:00:aa:bb:cc is the MAC address of node far (wire) already, on network wire"]),
        ('"fd00:8::2"}', '"fd00:8::2", mac: 52:54:00:aa:bb:cd}', 7, ["`mac`", "network wg is point-to-point", "leave"]),
        ('"fd00:8::2"}', '"fd00:8::2", link-local: "fe80::1"}', 7, ["`link-local`", "network wg is point-to-point"]),
        ("role: isp, interfaces: {", 'role: isp, interfaces: {wg9: {network: wg, address: "fd00:8::9"}, ', 6,
         ["network wg is point-to-point by wg0 of node peer, and has 3 ends: far, peer, host", "a network of its own"]),
    ],
)  # fmt: skip
def test_links_that_cannot_be(old: str, new: str, line: int, words: list[str], tmp_path: Path) -> None:
    text = TWO.replace(old, new)
    assert text != TWO
    assert_told(lambda: topology(text, tmp_path), line, *words)


def test_a_rule_that_two_commands_printed(tmp_path: Path) -> None:
    path = changed(TOPOLOGY, RULE, "[9: from all lookup 7, 9: from all table 7]".replace("9:", "pref 9"), tmp_path)
    problems = told(lambda: load_topology(path))
    assert [line for line, _ in problems] == [line_of(TOPOLOGY, RULE)] * 2
    assert all("stands twice" in message and "`ip -6 rule`" in message for _, message in problems)


@pytest.mark.parametrize(
    "keys",
    [
        'routes: ["::/0 dev wg0 table 51820", "192.0.2.0/24 dev wg0 proto static scope link", default via fe80::9 dev wg0]',
        'routes: "default via fe80::5054:ff:feaa:bbcc dev wire metric 1024"',  # made of its neighbour's MAC
        'routes: ["default via 198.51.100.254 dev wire metric 100", "default via 198.51.100.253 dev wire metric 600"]',
        'routes: ["default via inet6 2001:db8:f::fe dev wire", "local default dev lo table 100"]',
        'routes: [local 192.0.2.0/24 dev lo, default dev wire src 192.0.2.9, "local ::/64 dev lo", "::/0 dev wire src ::9"]',
        "routes: default dev wire table dsl\n    rules: fwmark 2 lookup dsl",
        'rules: ["100: from all iif eth9 [detached] lookup 7", "5: from all goto 100"]',
        "routes: |\n      ip route\n      198.51.100.0/24 dev wire proto kernel\n\n      ip -6 route\n      default dev wg0\n",
    ],
)
def test_what_a_real_host_has(keys: str, tmp_path: Path) -> None:
    head, tail = TWO.rstrip().rsplit("\n", 1)
    block = tail.replace("  host: {", "  host:\n    ").replace(", interfaces", "\n    interfaces")[:-1]
    written = topology(f"{head}\n{block}\n    {keys}\n", tmp_path)
    assert written.nodes["host"].routes or written.nodes["host"].rules


def test_an_address_beside_those_of_its_network(tmp_path: Path) -> None:
    text = TWO.replace('wire: ["198.51.100.20"', "wire: [198.51.100.20, 10.9.9.9/32, 10.8.8.9/30, 198.51.100.21/32")
    written = topology(text, tmp_path)
    assert [str(one) for one in written.nodes["host"].interfaces["wire"].of_family(4)] == [
        "198.51.100.20/24", "10.9.9.9/32", "10.8.8.9/30", "198.51.100.21/32",
    ]  # fmt: skip
    assert written.owners("10.9.9.9") == ("host",)
    assert (written.network_of("10.9.9.9"), written.network_of("10.9.9.8")) == ("wire", None)
    text = text.replace("role: isp", "role: isp, anyip: [10.9.9.0/24]")
    assert not topology(text, tmp_path).stands_for("far", ip_address("10.9.9.9")), "one node has it"
