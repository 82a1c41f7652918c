"""How many links a packet can have to cross: what the number of fences is worked out from."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from lab.written.topology import Topology

_EXACT_UP_TO = 100  # nodes; beyond that a bound is good enough, and quadratic work is not


def diameter(topology: Topology, weights: Mapping[str, int]) -> int:
    """The most links between any two nodes (or a bound of it); ``weights`` is a network's number of crossings."""
    starts = list(topology.nodes)
    members = {name: [node for node, _, _ in topology.on_network(name)] for name in weights}
    if len(starts) > _EXACT_UP_TO:
        return 2 * _farthest(topology, weights, members, starts[0])
    return max(_farthest(topology, weights, members, start) for start in starts)


def _farthest(
    topology: Topology, weights: Mapping[str, int], members: Mapping[str, Sequence[str]], start: str
) -> int:
    distance = {start: 0}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        for interface in topology.nodes[here].interfaces.values():
            for there in members.get(interface.network, ()):
                length = distance[here] + weights[interface.network]
                if length < distance.get(there, length + 1):
                    distance[there] = length
                    waiting.append(there)
    return max(distance.values())
