"""The same network by `ip -batch`, as a script would build it: names, links, bridges, addresses, routes, forwarding.

What the lab does besides has no counterpart here: a baseline of sysctls, neighbours, and waiting until every link carries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.written.topology import Topology

Group = Sequence[tuple[Sequence[str], str]]


def up(topology: Topology) -> Group:
    """The commands, each with its standard input, that build ``topology``."""
    bridges = [f"bridge-{network}" for network in _bridged(topology)]
    made = [f"netns add {name}" for name in (*topology.nodes, *bridges)]
    links = [line for network in topology.networks for line in _links(topology, network)]
    inside = {name: [*_node(topology, name)] for name in topology.nodes}
    inside |= {f"bridge-{network}": [*_bridge(topology, network)] for network in _bridged(topology)}
    forwarding = [name for name, node in topology.nodes.items() if node.forwards]
    return [
        (["ip", "-batch", "-"], _text([*made, *links])),
        *((["ip", "-n", name, "-batch", "-"], _text(lines)) for name, lines in inside.items()),
        *((["ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.ip_forward=1"], "") for name in forwarding),
    ]


def down(topology: Topology) -> Group:
    """The commands that take it down."""
    names = [*topology.nodes, *(f"bridge-{network}" for network in _bridged(topology))]
    return [(["ip", "-batch", "-"], _text([f"netns del {name}" for name in names]))]


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _bridged(topology: Topology) -> list[str]:
    return [network for network in topology.networks if len(topology.on_network(network)) not in (0, 2)]


def _links(topology: Topology, network: str) -> Iterator[str]:
    ends = [(name, interface) for name, interface, _ in topology.on_network(network)]
    if len(ends) == 2:
        (one, one_name), (two, two_name) = ends
        yield f"link add name {one_name} netns {one} type veth peer name {two_name} netns {two}"
        return
    for number, (name, interface) in enumerate(ends):
        yield f"link add name {interface} netns {name} type veth peer name port{number} netns bridge-{network}"


def _bridge(topology: Topology, network: str) -> Iterator[str]:
    yield "link add name bridge type bridge"
    yield "link set bridge up"
    for number, _ in enumerate(topology.on_network(network)):
        yield f"link set port{number} master bridge up"


def _node(topology: Topology, name: str) -> Iterator[str]:
    yield "link set lo up"
    for interface, spec in topology.nodes[name].interfaces.items():
        for address in spec.addresses:
            yield f"address add {address} dev {interface}"
        yield f"link set {interface} up"
    for family in (4, 6):
        if (hop := topology.next_hop(name, family)) is not None:
            yield f"route add default via {hop}"
