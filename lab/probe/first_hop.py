"""Where frames have to be sent that go past their sender's own rules: the first link on their way."""

from __future__ import annotations

import socket as sockets
from ipaddress import ip_address

from lab.kernel.stage.node import Node, Port
from lab.probe.stage import Stage
from lab.written.topology import NodeSpec

# IP_HDRINCL, IPV6_HDRINCL: of a raw socket that is given whole packets
HDRINCL = {4: (sockets.IPPROTO_IP, 3), 6: (sockets.IPPROTO_IPV6, 36)}


def first_hop(stage: Stage, node: Node, destination: str | None, family: int) -> tuple[Port, Port] | None:
    """The sender's interface and its neighbour's on the way; None where the sender's kernel has to find it itself.

    Without a destination those on the way to its gateway.
    """
    topology, nodes = stage.network.topology, stage.network.nodes
    spec = topology.nodes[node.name]
    if spec.routes or spec.rules or (family == 6 and destination is not None):
        # an IPv6 neighbour has to be asked for, which a policy may not let through
        return None
    for near in (destination, topology.next_hop(node.name, family)):
        network = topology.network_of(near) if near else None
        own = next((port for port in node.ports.values() if port.network == network), None)
        if near and own is not None and not _on_link(spec, own, near):
            continue  # an address beside its network's own: the kernel has no route to it on the link
        if near and own is not None:
            ports = (port for other in nodes.values() for port in other.ports.values() if port.network == network)
            neighbour = next((port for port in ports if near in port.addresses and port is not own), None)
            return None if neighbour is None else (own, neighbour)
    return None


def _on_link(spec: NodeSpec, own: Port, address: str) -> bool:
    interface = spec.interfaces.get(own.name)
    return interface is None or any(ip_address(address) in one.network for one in interface.addresses)
