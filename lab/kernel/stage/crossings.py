"""How many links a packet can have to cross: what the number of fences is worked out from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush

from lab.written.topology import Topology

_MOST_STEPS = 100_000  # beyond that a bound is good enough, and quadratic work is not


def diameter(topology: Topology, weights: Mapping[str, int]) -> int:
    """The most links between any two nodes (or a bound of it); ``weights`` is a segment's number of crossings."""
    members = {name: [node for node, _ in topology.segments[name].ends] for name in weights}
    networks: dict[str, list[str]] = {name: [] for name in topology.nodes}
    for name, segment in topology.segments.items():
        for node, _ in segment.ends:
            networks[node].append(name)
    # from nodes of the same networks it is as far to everywhere
    starts = [*{frozenset(on): name for name, on in networks.items()}.values()]
    if len(starts) * sum(map(len, networks.values())) > _MOST_STEPS:
        return 2 * _farthest(networks, weights, members, starts[0])
    return max(_farthest(networks, weights, members, start) for start in starts)


def _farthest(
    networks: Mapping[str, Sequence[str]], weights: Mapping[str, int], members: Mapping[str, Sequence[str]], start: str
) -> int:
    """How far it is to the farthest node; the nearest place is gone on from first, so that each network is crossed once."""
    farthest, waiting = 0, [(0, start)]
    seen, crossed = set[str](), set[str]()
    while waiting:
        length, here = heappop(waiting)
        if here in seen:
            continue
        seen.add(here)
        farthest = length
        for network in networks[here]:
            if network in weights and network not in crossed:
                crossed.add(network)
                for there in members[network]:
                    heappush(waiting, (length + weights[network], there))
    return farthest
