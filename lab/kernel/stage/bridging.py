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


def requests(topology: Topology, nodes: Mapping[str, Node], name: str) -> Iterator[Request]:
    """What makes the links of node ``name`` that are ports parts of its bridges, and sets them up.

    A bridge floods what is for an address that it does not know yet, and would have learned by ARP, which a lab has none of.
    """
    own = nodes[name].ports
    for ifname, interface in topology.nodes[name].interfaces.items():
        for port in interface.bridge:
            index = own[port].index
            yield enslave(port, index, own[ifname].index)
            yield set_up(port, index)
            for segment in topology.segments.values():
                if (name, port) in segment.ends:
                    others = (end for end in segment.ends if end != (name, port))
                    yield from (new_fdb_entry(port, index, nodes[node].ports[one].mac) for node, one in others)
