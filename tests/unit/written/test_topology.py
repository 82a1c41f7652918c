"""What a topology that is fine says of itself."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from lab.written.interface import Interface
from lab.written.load import load_topology
from lab.written.topology import NodeSpec, Topology
from tests.unit.written.written import TOPOLOGY, assert_told, topology

SEVERAL = """
topology: several
networks: {wan: 198.51.100.0/24, lan: 10.0.1.0/24}
services: {web: [tcp/80, tcp/443], db: tcp/5432}
nodes:
  world: {role: internet, interfaces: {wan: 198.51.100.254}, anyip: true, via: gateway}
  partner: {role: internet, interfaces: {wan: 198.51.100.20}, anyip: [203.0.113.0/24, 192.0.2.0/24], via: gateway}
  rival: {role: internet, interfaces: {wan: 198.51.100.30}, anyip: [203.0.113.0/24, 203.0.113.128/25], via: gateway}
  gateway:
    role: gateway
    interfaces: {eth0: {network: wan, address: 198.51.100.1/30}, eth1: {network: lan, address: [10.0.1.1]}}
    forwards: true
    via: 198.51.100.254
  app: {role: app, interfaces: {lan: 10.0.1.10}, services: [web, db, udp/53], sysctls: {net.ipv4.tcp_syncookies: 0}}
"""


@pytest.fixture
def edge() -> Topology:
    return load_topology(TOPOLOGY)


@pytest.fixture
def several(tmp_path: Path) -> Topology:
    return topology(SEVERAL, tmp_path)


def test_the_example_of_the_formats(edge: Topology) -> None:
    assert list(edge.nodes) == ["world", "partner", "gateway", "office", "web"]
    assert edge.networks["lan"] == (ip_network("10.0.1.0/24"), ip_network("2001:db8:a::/64"))
    gateway = edge.nodes["gateway"]
    assert gateway.forwards
    assert [name for name, node in edge.nodes.items() if node.forwards] == ["gateway"]
    assert gateway.sysctls == {"net.ipv4.conf.all.rp_filter": "1"}
    assert [route.text for route in gateway.routes] == ["10.99.0.0/16 via 10.0.1.99"]
    assert [(rule.fwmark, rule.table, rule.priority) for rule in gateway.rules] == [(2, 102, 100)]
    assert edge.nodes["world"].anyip is True
    assert edge.nodes["web"].services[0].ports == ((8443, 8443),)


def test_a_bare_address_has_the_prefix_length_of_its_network(edge: Topology, several: Topology) -> None:
    lan = edge.nodes["gateway"].interfaces["lan"]
    assert lan.addresses == (ip_interface("10.0.1.1/24"), ip_interface("2001:db8:a::1/64"))
    assert several.nodes["gateway"].interfaces["eth0"].addresses == (ip_interface("198.51.100.1/30"),)


def test_names_of_services_stand_for_all_of_theirs(several: Topology) -> None:
    assert [service.text for service in several.nodes["app"].services] == ["tcp/80", "tcp/443", "tcp/5432", "udp/53"]


@pytest.mark.parametrize(
    ("address", "owners"),
    [
        ("10.0.1.10", ("app",)),
        ("198.51.100.20", ("partner",)),
        ("10.0.1.99", ()),
        ("198.51.100.99", ()),
        ("8.8.8.8", ("world",)),
        ("192.0.2.7", ("partner",)),
        ("203.0.113.7", ("partner", "rival")),
        ("203.0.113.200", ("rival",)),
        ("2001:db8::7", ()),  # anyip is for the families that the node has
    ],
)
def test_whose_an_address_is(address: str, owners: tuple[str, ...], several: Topology) -> None:
    assert several.owners(address) == owners
    assert several.owner(address) == (owners[0] if len(owners) == 1 else None)


STANDING = """
topology: standing
networks: {lan: [10.0.0.0/24, "2001:db8:a::/64"], dmz: 10.0.1.0/24, fibre: 198.51.100.0/30, cable: 203.0.113.0/30}
nodes:
  edge: {role: gateway, interfaces: {lan: [10.0.0.1, "2001:db8:a::1"], dmz: 10.0.1.1, fibre: 198.51.100.2, cable: 203.0.113.2}}
  staff: {role: client, interfaces: {lan: [10.0.0.2, "2001:db8:a::2"]}, anyip: [10.0.0.0/25, "2001:db8:a::/64"], via: edge}
  printers: {role: client, interfaces: {lan: 10.0.0.130}, anyip: 10.0.0.128/26, via: edge}
  shop: {role: client, interfaces: {dmz: 10.0.1.2}, anyip: true, via: edge}
  fibre: {role: internet, interfaces: {fibre: 198.51.100.1}, anyip: [0.0.0.0/0, 198.51.100.0/30], via: edge}
  cable: {role: internet, interfaces: {cable: 203.0.113.1}, anyip: [0.0.0.0/0, 9.9.9.9/32], same-as: fibre, via: edge}
"""


@pytest.mark.parametrize(
    ("address", "owners", "also"),
    [
        ("10.0.0.1", ("edge",), ()),
        ("10.0.0.2", ("staff",), ()),
        ("10.0.0.77", ("staff",), ()),
        ("10.0.0.140", ("printers",), ()),
        ("10.0.0.200", (), ()),  # of its network, and nobody lists it
        ("10.0.0.255", (), ()),
        ("10.0.0.0", (), ()),
        ("10.0.1.7", (), ()),  # `true` is for what lies beyond
        ("2001:db8:a::99", ("staff",), ()),
        ("2001:db8:a::", (), ()),
        ("8.8.8.8", ("fibre",), ("cable",)),
        ("9.9.9.9", ("cable",), ("fibre",)),
        ("198.51.100.1", ("fibre",), ()),
    ],
)
def test_who_stands_for_an_address_of_a_network(
    address: str, owners: tuple[str, ...], also: tuple[str, ...], tmp_path: Path
) -> None:
    standing = topology(STANDING, tmp_path)
    assert standing.owners(address) == owners
    assert (standing.also(owners[0], address) if owners else ()) == also
    assert standing.holder(address) == (owners[0] if owners and ip_address(address) in addresses_of(standing) else None)
    for name in standing.nodes:
        inside = standing.network_of(address) is not None and standing.holder(address) is None
        assert not inside or standing.stands_for(name, ip_address(address)) == (name in owners)


def test_the_parts_of_a_network_that_a_node_stands_for(tmp_path: Path) -> None:
    standing = topology(STANDING, tmp_path)
    assert standing.stood_for("staff", "lan", 4) == (ip_network("10.0.0.0/25"),)
    assert standing.stood_for("staff", "lan", 6) == (ip_network("2001:db8:a::/64"),)
    assert standing.stood_for("fibre", "fibre", 4) == (ip_network("198.51.100.0/30"),)
    assert standing.stood_for("cable", "cable", 4) == (), "everything is what lies beyond"
    assert standing.taker("edge", "cable", "8.8.8.8") == "cable"
    assert standing.taker("edge", "fibre", "9.9.9.9") == "fibre"
    assert standing.taker("edge", "lan", "8.8.8.8") == "fibre", "its owner, where nobody of them is on that network"
    assert standing.taker("edge", None, "10.0.0.77") == "staff"
    assert standing.taker("edge", "cable", "10.0.0.77") == "cable", "who takes in whatever comes"
    assert standing.taker("edge", "dmz", "10.0.0.2") == "shop", "one that stands for all, whoever has the address"
    assert standing.taker("edge", "lan", "10.0.0.77") == "staff"
    assert standing.taker("edge", "lan", "10.0.1.2") == "shop", "none of several on the network is said to take it"


def addresses_of(written: Topology) -> set[object]:
    return {address for node in written.nodes.values() for family in (4, 6) for address in node.addresses(family)}


def test_an_address_may_be_written_in_any_form(edge: Topology) -> None:
    assert edge.owner("2001:0db8:000a::0010") == "office"


def test_next_hops(edge: Topology, several: Topology) -> None:
    assert edge.next_hop("world", 4) == "198.51.100.1"
    assert edge.next_hop("world", 6) == "2001:db8:1::1"
    assert edge.next_hop("web", 4) == "10.0.2.1"
    assert edge.next_hop("gateway", 4) == "198.51.100.254"
    assert edge.next_hop("partner", 6) is None
    assert several.next_hop("gateway", 4) == "198.51.100.254"
    assert several.next_hop("gateway", 6) is None
    assert several.next_hop("app", 4) is None


SIX = """
topology: six
networks: {wan: [198.51.100.0/24, "2001:db8:1::/64"], lan: "2001:db8:a::/64", v4: 10.0.4.0/24}
nodes:
  world: {role: internet, interfaces: {wan: [198.51.100.254, "2001:db8:1::fe"]}, anyip: true, via: gateway}
  rival: {role: internet, interfaces: {wan: "2001:db8:1::30"}, anyip: ["2001:db8:f::/48", "2001:db8:e::/48"], via: gateway}
  old: {role: internet, interfaces: {wan: 198.51.100.30}, anyip: true, via: [198.51.100.1]}
  gateway:
    role: gateway
    interfaces: {wan: [198.51.100.1, "2001:DB8:1:0::1"], lan: "2001:db8:a::1", v4: 10.0.4.1}
    forwards: true
    via: [198.51.100.254, "2001:DB8:1::00FE"]
    routes: ["2001:db8:ff::/48 via 2001:db8:a::99", 10.99.0.0/16 via 10.0.4.99]
    rules: [from 2001:db8::/32 lookup 100, fwmark 2 lookup 102]
  host: {role: client, interfaces: {lan: "2001:db8:a::10", v4: 10.0.4.10}, via: gateway}
names:
  vip: [198.51.100.1, "2001:DB8:1::1"]
"""


def test_ipv6_is_as_complete_as_ipv4(tmp_path: Path) -> None:
    six = topology(SIX, tmp_path)
    assert [six.next_hop("gateway", family) for family in (4, 6)] == ["198.51.100.254", "2001:db8:1::fe"]
    assert [six.next_hop("host", family) for family in (4, 6)] == ["10.0.4.1", "2001:db8:a::1"]
    assert [six.next_hop("old", family) for family in (4, 6)] == ["198.51.100.1", None]
    assert six.owner("2001:DB8:1::0001") == "gateway"
    assert six.owners("2001:db8:f::7") == ("rival",)
    assert six.owners("2001:db8:99::7") == ("world",)
    assert six.owners("192.0.2.7") == ("world", "old")
    assert six.owners("2001:db8:a::77") == ()
    assert six.network_of("2001:DB8:A::77") == "lan"
    assert six.addresses("gateway", 6) == ("2001:db8:1::1", "2001:db8:a::1")
    assert [str(address) for address in six.names["vip"]] == ["198.51.100.1", "2001:db8:1::1"]
    assert [route.family for route in six.nodes["gateway"].routes] == [6, 4]
    assert [rule.family for rule in six.nodes["gateway"].rules] == [6, None]
    assert six.nodes["host"].interfaces["lan"].addresses == (ip_interface("2001:db8:a::10/64"),)


def test_who_is_on_a_network(several: Topology) -> None:
    assert [(node, port) for node, port, _ in several.on_network("lan")] == [("gateway", "eth1"), ("app", "lan")]
    assert several.network_of("10.0.1.77") == "lan"
    assert several.network_of("8.8.8.8") is None


def test_roles_and_addresses(several: Topology) -> None:
    assert several.roles()["internet"] == ("world", "partner", "rival")
    assert several.addresses("gateway", 4) == ("198.51.100.1", "10.0.1.1")
    assert several.addresses("gateway", 6) == ()


def test_places_in_the_file(edge: Topology) -> None:
    where = edge.where("nodes", "office", "via")
    assert where is not None
    assert where.line == 25


def test_a_topology_from_python_needs_no_file() -> None:
    wan = Interface(network="wan", address=(ip_interface("198.51.100.1"),))
    node = NodeSpec(role="r", interfaces={"wan": wan})
    made = Topology(topology="small", networks={"wan": (ip_network("198.51.100.0/24"),)}, nodes={"a": node})
    assert made.nodes["a"].interfaces["wan"].addresses == (ip_interface("198.51.100.1/24"),)
    assert made.where("nodes") is None


def test_models_are_frozen(edge: Topology) -> None:
    with pytest.raises(ValidationError):
        edge.nodes["web"].forwards = True


def test_a_wrong_named_service_is_told_once(tmp_path: Path) -> None:
    text = SEVERAL.replace("db: tcp/5432", "db: tcp/543200")
    assert_told(lambda: topology(text, tmp_path), 4, "543200", "between port")
