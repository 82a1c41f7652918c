"""How far the farthest two nodes of a topology are from each other."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.kernel.stage import crossings
from lab.kernel.stage.crossings import diameter
from lab.written.topology import Topology


def made(on: list[set[int]]) -> Topology:
    """A topology whose nodes are on these networks."""
    networks = sorted(set().union(*on))
    nodes = {
        f"node{number}": {"role": "client", "interfaces": {f"net{net}": f"10.{net}.0.{number + 1}" for net in sorted(nets)}}
        for number, nets in enumerate(on)
    }
    return Topology.model_validate(
        {"topology": "made", "networks": {f"net{net}": f"10.{net}.0.0/24" for net in networks}, "nodes": nodes}
    )


def slowly(topology: Topology, weights: dict[str, int]) -> int:
    """The same by Floyd and Warshall, of the nodes that can come to each other."""
    names = list(topology.nodes)
    far = {(one, two): 0 if one == two else 1_000_000 for one, two in product(names, names)}
    for network, weight in weights.items():
        on = {name for name, _, _ in topology.on_network(network)}
        for one, two in product(on, on):
            if one != two:
                far[one, two] = min(far[one, two], weight)
    for over, one, two in product(names, names, names):
        far[one, two] = min(far[one, two], far[one, over] + far[over, two])
    return max(length for length in far.values() if length < 1_000_000)


def weighed(topology: Topology) -> dict[str, int]:
    return {network: 2 if len(topology.on_network(network)) > 2 else 1 for network in topology.networks}


@given(st.lists(st.sets(st.integers(0, 5), min_size=1, max_size=3), min_size=1, max_size=9))
def test_it_is_the_longest_of_all_shortest_ways(on: list[set[int]]) -> None:
    topology = made(on)
    assert diameter(topology, weighed(topology)) == slowly(topology, weighed(topology))


def test_many_hosts_behind_one_gateway_are_no_farther_than_few() -> None:
    few, many = ((made([{*range(nets)}, *[{net} for net in range(nets) for _ in range(3)]])) for nets in (2, 20))
    assert diameter(few, weighed(few)) == diameter(many, weighed(many)) == 4


def test_a_bridge_is_crossed_like_one_that_nobody_sees() -> None:
    written = made([{0}, {0}, {0}, {0}]).model_dump(mode="json", by_alias=True)
    written["nodes"]["node0"]["interfaces"]["net0"]["bridge"] = {"in": ["node1", "node2"], "out": "node3"}
    bridged = Topology.model_validate(written)
    weights = {name: 2 if len(segment.ends) > 2 else 1 for name, segment in bridged.segments.items()}
    assert weights == {"net0 at node0:in": 2, "net0 at node0:out": 1}
    assert diameter(bridged, weights) == 3


def test_beyond_so_much_work_it_is_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = made([{number, (number + 1) % 40} for number in range(40)])
    exact = diameter(ring, weighed(ring))
    assert exact == 20
    monkeypatch.setattr(crossings, "_MOST_STEPS", 100)
    assert exact <= diameter(ring, weighed(ring)) <= 2 * exact
