"""A bridge in a node's own namespace: its ports, what it knows of who is behind them, and whether rules see what it passes on.

With br_netfilter (``bridge-nf-call-*``, a setting of each namespace) the kernel leads bridged packets through the hooks of
their addresses' families, where they have come in and go out by the bridge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from lab.errors import MachineError, Problem
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.rtnetlink import Request, enslave, new_fdb_entry, set_up
from lab.kernel.stage.node import Node
from lab.kernel.stage.wiring import Switch
from lab.written.bridge import Segment
from lab.written.topology import NodeSpec, Topology

_CALLS = "net.bridge.bridge-nf-call-{}tables"
_CALL = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")


def sysctls(name: str, spec: NodeSpec, namespace: Namespace) -> dict[str, str]:
    """What a node that is a bridge has written into it besides the baseline.

    Raises MachineError where bridged packets are to meet the rules and this kernel has no br_netfilter.
    """
    if not spec.bridges:
        return {}
    seen = any(bridge.bridge_nf for bridge in spec.bridges)
    if seen:
        with namespace:
            if not _CALL.exists():
                mend = "load it: `modprobe br_netfilter`, as root of the machine"
                what = f"{name}: `bridge-nf` needs br_netfilter, which this kernel has not loaded"
                raise MachineError(Problem(what, mend=mend))
    value = "1" if seen else "0"
    return {_CALLS.format("ip"): value, _CALLS.format("ip6"): value, _CALLS.format("arp"): "0"}


def sysctls_of_ports(spec: NodeSpec) -> dict[str, str]:
    """What is written of the ports before they are set up: with IPv6 of its own each would be one more host of the network."""
    return {f"net/ipv6/conf/{port}/disable_ipv6": "1" for bridge in spec.bridges for port in bridge.bridge}


def ports_up(spec: NodeSpec, node: Node) -> Iterator[Request]:
    """What sets the links up that are to be ports."""
    yield from (set_up(port, node.ports[port].index) for bridge in spec.bridges for port in bridge.bridge)


def requests(topology: Topology, nodes: Mapping[str, Node], name: str) -> Iterator[Request]:
    """What sets up the bridges of node ``name`` and makes links that are up their ports.

    In this order: the kernel tells at once that a bridge has a carrier where it had none since it was set up, and else up to a
    second late (linkwatch_urgent_event).  A bridge floods what is for an address that it does not know, and would have learned
    by ARP, which a lab has none of: it is told.
    """
    own = nodes[name].ports
    for ifname, interface in topology.nodes[name].interfaces.items():
        if interface.bridge:
            yield set_up(ifname, own[ifname].index)
        for port in interface.bridge:
            yield enslave(port, own[port].index, own[ifname].index)
            yield from (new_fdb_entry(port, own[port].index, mac) for mac in _behind(topology, nodes, (name, port)))


def teach(topology: Topology, nodes: Mapping[str, Node], segment: Segment, switch: Switch) -> Iterator[Request]:
    """What lets the hidden bridge of a segment know for good who is behind which of its ports.

    What it floods would come to the bridge that the segment is a port of, which has no part in it.
    """
    for end, port in zip(segment.ends, switch.ports, strict=True):
        node, interface = end
        known = [nodes[node].ports[interface].mac]
        if interface not in topology.nodes[node].interfaces:
            others = [other for other in topology.segments.values() if other.network == segment.network and other != segment]
            beyond = [far for other in others for far in other.ends if far[0] != node]
            bridges = [(node, name) for name, one in topology.nodes[node].interfaces.items() if interface in one.bridge]
            known = [nodes[far].ports[name].mac for far, name in (*bridges, *beyond)]
        yield from (new_fdb_entry(port.name, port.index, mac) for mac in known)


def _behind(topology: Topology, nodes: Mapping[str, Node], port: tuple[str, str]) -> Iterator[bytes]:
    segment = next(segment for segment in topology.segments.values() if port in segment.ends)
    yield from (nodes[node].ports[name].mac for node, name in segment.ends if (node, name) != port)
