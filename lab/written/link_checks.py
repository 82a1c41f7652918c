"""Whether the links of a topology can be: MAC addresses, MTUs, links with two ends, addresses beside a network's own."""

from __future__ import annotations

from collections.abc import Iterator

from lab.errors import Problem, Where
from lab.written.topology import Topology
from lab.written.words import LEAST_MTU_OF_IPV6, BareAddress, InterfaceAddress


def check_links(topology: Topology) -> Iterator[Problem]:
    """Every problem of interfaces as links."""
    for network in topology.networks:
        yield from _twice(topology, network, "mac", "MAC address")
        yield from _twice(topology, network, "link_local", "link-local address")
        if topology.is_point_to_point(network):
            yield from _two_ends(topology, network)
    for name, node in topology.nodes.items():
        for ifname, interface in node.interfaces.items():
            if interface.link_local is not None and not node.addresses(6):
                what = f"node {name}: {ifname} has {interface.link_local}, and the node no IPv6 address: it speaks IPv4 alone"
                yield Problem(what, topology.where("nodes", name, "interfaces", ifname, "link-local"))
            six = interface.of_family(6)
            if interface.mtu is not None and interface.mtu < LEAST_MTU_OF_IPV6 and six:
                what = f"node {name}: {ifname} has {six[0].ip} and MTU {interface.mtu}: IPv6 needs {LEAST_MTU_OF_IPV6} bytes"
                yield Problem(what, topology.where("nodes", name, "interfaces", ifname, "mtu"))


def _twice(topology: Topology, network: str, key: str, kind: str) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for name, ifname, interface in topology.on_network(network):
        own = getattr(interface, key)
        if own is not None and own in seen:
            what = f"node {name}: {own} is the {kind} of {seen[own]} already, on network {network}"
            yield Problem(what, topology.where("nodes", name, "interfaces", ifname, key.replace("_", "-")))
        if own is not None:
            seen.setdefault(own, f"node {name} ({ifname})")


def _two_ends(topology: Topology, network: str) -> Iterator[Problem]:
    ends = topology.on_network(network)
    node, ifname = next((node, ifname) for node, ifname, interface in ends if interface.link is not None)
    bridge = next(((name, other) for name, other, interface in ends if interface.bridge), None)
    if bridge is not None:
        what = f"node {bridge[0]}: {bridge[1]} is a bridge, and network {network} is point-to-point by {ifname} of node {node}"
        yield Problem(what, topology.where("nodes", bridge[0], "interfaces", bridge[1]), "take `bridge` or `link` out")
    elif len(ends) > 2:
        names = ", ".join(name for name, _, _ in ends)
        what = f"network {network} is point-to-point by {ifname} of node {node}, and has {len(ends)} ends: {names}"
        mend = "a link has two ends: give each other end a network of its own"
        yield Problem(what, topology.where("nodes", node, "interfaces", ifname, "link"), mend)
    for name, other, interface in ends:
        for key, own in (("mac", interface.mac), ("link-local", interface.link_local)):
            if own is not None:
                what = f"node {name}: {other} has `{key}`, and network {network} is point-to-point: nobody is asked there"
                yield Problem(what, topology.where("nodes", name, "interfaces", other, key), f"leave `{key}` out")


def outside(
    topology: Topology, node: str, network: str, address: InterfaceAddress, where: Where | None
) -> Iterator[Problem]:
    """What is wrong with an address in none of its network's prefixes: nothing, if a prefix length says that it is meant."""
    inside = next((one for one, prefixes in topology.networks.items() if any(address.ip in net for net in prefixes)), None)
    prefixes = ", ".join(map(str, topology.networks[network]))
    if inside is not None:
        what = f"node {node}: {address.ip} lies outside network {network} ({prefixes}) and inside network {inside}"
        yield Problem(what, where)
    elif isinstance(address, BareAddress):
        mend = f"if the host has it beside the others, write its prefix length: {address.ip}/{address.max_prefixlen}"
        yield Problem(f"node {node}: {address.ip} lies outside network {network} ({prefixes})", where, mend)
