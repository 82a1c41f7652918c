"""Nodes that answer for more: each class of addresses in a network is somebody's, so that it can ask and be asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import ip_address, ip_interface

from lab.written.topology import NodeSpec, Topology

# a host takes in what its gateway turned round, though it comes from an address of its own
_TURNED = {"net.ipv4.conf.all.accept_local": "1"}


def that_take_what_is_turned_round(topology: Topology, under_test: Collection[str]) -> Topology:
    """The topology, where nodes that are not ``under_test`` take packets from their own addresses."""
    nodes = {
        name: node if name in under_test else node.model_copy(update={"sysctls": _TURNED | node.sysctls})
        for name, node in topology.nodes.items()
    }
    return _with_nodes(topology, nodes)


def with_addresses(topology: Topology, given: Mapping[str, str]) -> Topology:
    """The topology, where each address is one of its node's, on the network that it lies in."""
    nodes = dict(topology.nodes)
    for address, name in given.items():
        nodes[name] = _with_address(nodes[name], str(topology.network_of(address)), address, topology)
    return _with_nodes(topology, nodes)


def _with_address(node: NodeSpec, network: str, address: str, topology: Topology) -> NodeSpec:
    own = ip_address(address)
    length = next(net.prefixlen for net in topology.networks[network] if own in net)
    name = next(name for name, port in node.interfaces.items() if port.network == network)
    port = node.interfaces[name]
    more = port.model_copy(update={"addresses": (*port.addresses, ip_interface(f"{address}/{length}"))})
    return node.model_copy(update={"interfaces": {**node.interfaces, name: more}})


def _with_nodes(topology: Topology, nodes: Mapping[str, NodeSpec]) -> Topology:
    """What a topology knows of its nodes it finds out once: the copy begins anew."""
    fields = {name: getattr(topology, name) for name in type(topology).model_fields}
    return type(topology).model_construct(**{**fields, "nodes": dict(nodes)})
