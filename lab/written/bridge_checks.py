"""Whether the bridges of a node fit into its topology."""

from __future__ import annotations

from collections.abc import Iterator

from lab.errors import Problem
from lab.written.bridge import behind
from lab.written.messages import did_you_mean
from lab.written.topology import Interface, NodeSpec, Topology


def check_bridges(topology: Topology, name: str, node: NodeSpec) -> Iterator[Problem]:
    """What is wrong with the bridges of one node."""
    yield from _names(topology, name, node)
    for ifname, interface in node.interfaces.items():
        where = topology.where("nodes", name, "interfaces", ifname)
        if interface.bridge and interface.network in topology.networks:
            yield from _members(topology, name, ifname, interface)
        elif interface.bridge_nf and not interface.bridge:
            mend = f"{ifname}: {{network: {interface.network}, bridge: [eth0, vnet1], bridge-nf: true}}"
            yield Problem(f"node {name}: {ifname} has `bridge-nf` and is no bridge", where, mend)
    if len({bridge.bridge_nf for bridge in node.bridges}) > 1:
        where = topology.where("nodes", name, "interfaces")
        what = f"node {name}: `bridge-nf` holds for all bridges of a node, and they differ in it"
        yield Problem(what, where, "write it at each")


def _names(topology: Topology, name: str, node: NodeSpec) -> Iterator[Problem]:
    taken: set[str] = set()
    for ifname, interface in node.interfaces.items():
        where = topology.where("nodes", name, "interfaces", ifname)
        for port in interface.bridge:
            if port in node.interfaces:
                mend = f"name it under `bridge:` alone, and take {port} out of the interfaces"
                yield Problem(f"node {name}: {port} is a port of {ifname} and an interface of its own", where, mend)
            elif port in taken:
                yield Problem(f"node {name}: {port} is a port of two bridges", where)
            taken.add(port)


def _members(topology: Topology, name: str, ifname: str, interface: Interface) -> Iterator[Problem]:
    """Who is behind which port: each other node of the network behind one of them."""
    where = topology.where("nodes", name, "interfaces", ifname)
    network, bridge = interface.network, interface.bridge
    members = topology.on_network(network)
    first = next((node, one) for node, one, spec in members if spec.bridge)
    if first != (name, ifname):
        mend = "give each bridge a network of its own"
        yield Problem(f"node {name}: {first[0]} bridges {network} already", where, mend)
        return
    others = list(dict.fromkeys(node for node, one, spec in members if not spec.bridge))
    if name in others:
        yield Problem(f"node {name}: it is on {network} by its bridge {ifname} already", where)
        return
    named = [node for nodes in bridge.values() for node in nodes or ()]
    strange = [node for node in dict.fromkeys(named) if node not in others]
    for node in strange:
        mend = did_you_mean(node, others, f"the nodes on {network}")
        yield Problem(f"node {name}: {ifname} has {node!r} at a port, which is no other node on {network}", where, mend)
    for node in dict.fromkeys(named):
        if node not in strange and named.count(node) > 1:
            yield Problem(f"node {name}: {ifname} has {node} at two ports", where)
    placed = behind(bridge, others)
    lost = [node for node in others if not any(node in nodes for nodes in placed.values())]
    if lost and not strange:
        port = next(iter(bridge))
        mend = f"say who is behind which port, several behind one: bridge: {{{port}: [{', '.join([*placed[port], *lost])}], …}}"
        yield Problem(f"node {name}: {', '.join(lost)} on {network} is behind no port of {ifname}", where, mend)
