"""Links as hosts have them: without addresses, with one alone, in one another's networks."""

from __future__ import annotations

import pytest

from lab.twin.build import twin_of
from lab.twin.twin import Twin
from tests.unit.twin.made import addresses, anyip, edge, host, link


def networks(twin: Twin) -> dict[str, list[str]]:
    return {name: [str(prefix) for prefix in prefixes] for name, prefixes in twin.topology.networks.items()}


def test_a_ppp_link_whose_far_end_is_said() -> None:
    ppp = link("ppp0", "100.64.3.4/32", kind="ppp", point_to_point=True, peer=("10.112.112.112",), mtu=1492)
    routes = ["default dev ppp0 scope link", "10.112.112.112 dev ppp0 proto kernel scope link src 100.64.3.4"]
    twin = twin_of([host(ppp, link("eth1", "10.0.0.1/24"), routes=routes)])
    behind = twin.topology.nodes["behind-ppp0"]
    assert networks(twin)["ppp0"] == ["10.112.112.112/32"]
    assert addresses(behind) == {"ppp0": ["10.112.112.112/32"]}
    assert (anyip(behind), [str(route.text) for route in behind.routes]) == (["0.0.0.0/0"], ["0.0.0.0/0 dev ppp0"])
    assert [twin.topology.owner(one) for one in ("100.64.3.4", "9.9.9.9")] == ["edge", "behind-ppp0"]
    assert [route.text for route in twin.topology.nodes["edge"].routes][1].endswith("src 100.64.3.4"), "the kernel makes it not"


def test_an_unnumbered_link_has_a_network_that_stands_for_none() -> None:
    twin = twin_of([host(link("ppp0", kind="ppp"), link("eth1", "198.18.0.1/24"), routes=["default dev ppp0"])])
    assert networks(twin)["ppp0"] == ["198.18.1.0/30"], "the first that is free of those for benchmarks"
    assert twin.topology.nodes["edge"].interfaces["ppp0"].addresses == ()
    assert twin.topology.owner("9.9.9.9") == "behind-ppp0"
    assert anyip(twin.topology.nodes["behind-ppp0"]) == ["0.0.0.0/0"]


def test_a_tunnel_has_the_networks_that_its_routes_lead_to() -> None:
    links = link("wg0", "10.9.0.1/32", kind="wireguard"), link("tun0", kind="tun", point_to_point=True)
    twin = edge(*links, routes=["10.99.0.0/16 dev wg0", "10.9.0.0/24 dev wg0", "10.5.0.0/16 dev tun0"])
    assert (networks(twin)["wg0"], networks(twin)["tun0"]) == (["10.9.0.0/24"], ["10.5.0.0/16"])
    assert addresses(twin.topology.nodes["behind-wg0"]) == {"wg0": ["10.9.0.2/24"]}
    owners = [twin.topology.owner(one) for one in ("10.9.0.77", "10.99.1.1", "10.5.5.5")]
    assert owners == ["behind-wg0", "behind-wg0", "behind-tun0"]


def test_an_address_alone_and_a_gateway_beside_it() -> None:
    routes = ["default via 172.31.1.1 dev eth0 onlink", "172.31.1.1 dev eth0"]
    twin = twin_of([host(link("eth0", "203.0.113.7/32"), routes=routes)])
    behind = twin.topology.nodes["behind-eth0"]
    assert addresses(behind) == {"eth0": ["172.31.1.1/32"]}
    assert [route.text for route in behind.routes] == ["203.0.113.7/32 dev eth0", "0.0.0.0/0 via 203.0.113.7 dev eth0"]
    assert twin.topology.nodes["edge"].interfaces["eth0"].link is None


def test_a_host_that_has_all_of_its_network() -> None:
    twin = edge(link("eth2", "192.0.2.0/31", "192.0.2.1/32"))
    (address,) = addresses(twin.topology.nodes["behind-eth2"])["eth2"]
    assert address.endswith("/32")
    assert twin.topology.owner(address.removesuffix("/32")) == "behind-eth2"


def test_the_narrower_of_two_networks_has_its_addresses() -> None:
    twin = edge(link("eth2", "10.0.0.129/25"), link("eth3", "10.128.0.1/9"), routes=["10.128.7.0/24 via 10.0.0.7 dev eth1"])
    assert networks(twin)["eth1"] == ["10.0.0.0/25"]
    owners = {"10.0.0.5": "behind-eth1", "10.0.0.200": "behind-eth2", "10.130.0.9": "behind-eth3", "10.128.7.9": "behind-eth1"}
    assert {one: twin.topology.owner(one) for one in owners} == owners
    assert [note.partition(",")[0] for note in twin.notes] == [
        "edge: eth1: in the lab 10.0.0.128/25 is no part of 10.0.0.0/24",
        "edge: eth3: in the lab 10.128.7.0/24 is no part of 10.128.0.0/9",
    ]


def test_an_address_alone_that_lies_in_the_network_of_another_interface() -> None:
    twin = edge(link("wg0", "10.0.0.5/32", kind="wireguard"), routes=["10.0.0.64/26 dev wg0", "10.0.0.7 dev wg0"])
    owners = {"10.0.0.5": "edge", "10.0.0.4": "behind-eth1", "10.0.0.7": "behind-wg0", "10.0.0.70": "behind-wg0"}
    assert {one: twin.topology.owner(one) for one in owners} == owners


def test_one_network_on_two_interfaces_is_one() -> None:
    twin = edge(link("wlan0", "10.0.0.7/24"))
    assert networks(twin)["eth1"] == ["10.0.0.0/24"]
    assert twin.behind["edge"]["wlan0"] == twin.behind["edge"]["eth1"] == "behind-eth1"


def test_an_address_of_the_wider_in_the_narrower_makes_one_of_both() -> None:
    twin = edge(link("eth2", "10.0.0.77/16"))
    assert networks(twin)["eth1"] == ["10.0.0.0/16"]
    assert twin.notes == ("edge: eth2 and edge: eth1 overlap, and are one network in the lab",)


def test_ipv6_by_a_link_local_gateway() -> None:
    uplink = link("eth0", "2001:db8:f::2/64", "fe80::5054:ff:fe00:1/64", mac="52:54:00:00:00:01")
    lan = link("eth1", "2001:db8:a::1/64", "fe80::7/64")
    twin = twin_of([host(uplink, lan, routes=["::/0 via fe80::9 dev eth0 proto ra"])])
    behind = twin.topology.nodes["behind-eth0"].interfaces["eth0"]
    assert behind.link_local == "fe80::9"
    assert anyip(twin.topology.nodes["behind-eth0"]) == ["::/0", "2001:db8:f::/64"]
    edge_ports = twin.topology.nodes["edge"].interfaces
    assert (edge_ports["eth0"].link_local, edge_ports["eth1"].link_local) == (None, "fe80::7"), "its MAC makes the first"
    assert twin.topology.owner("2001:db8:a::77") == "behind-eth1"
    assert twin.topology.owner("2001:db8:99::1") == "behind-eth0"


def test_an_uplink_of_ipv6_without_an_address_of_its_own() -> None:
    uplink = link("eth0", "fe80::5054:ff:fe00:1/64", mac="52:54:00:00:00:01")
    twin = twin_of([host(uplink, link("eth1", "2001:db8:a::1/64"), routes=["::/0 via fe80::9 dev eth0"])])
    behind = twin.topology.nodes["behind-eth0"]
    assert networks(twin)["eth0"] == ["2001:2::/64"]
    assert [route.text for route in behind.routes] == ["::/0 via fe80::5054:ff:fe00:1 dev eth0"]
    assert twin.topology.owner("2001:2::77") is None, "a network that stands for none has nobody"


@pytest.mark.parametrize("count", [300])
def test_hundreds_of_interfaces(count: int) -> None:
    networks_of = [f"172.{16 + number // 256}.{number % 256}.1/24" for number in range(count)]
    bridges = [link(f"br-{number:08x}", own, kind="bridge") for number, own in enumerate(networks_of)]
    ports = [link(f"veth{number:08x}@if{number}", kind="veth", master=bridges[number].name) for number in range(count)]
    twin = edge(*bridges, *ports)
    assert len(twin.topology.nodes) == count + 3
    assert len(twin.notes) <= count + 1
    assert twin.topology.owner("172.17.5.9") == twin.behind["edge"]["br-00000105"]
