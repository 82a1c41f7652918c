from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

import pytest

from lab.bench.inputs import folder, grown, policy, project, topology, topology_of
from lab.ruleset.render import Rendered
from lab.written.load import load_matrix

CLIENT = ip_address("172.17.255.254")


def appended(rendered: Rendered) -> list[str]:
    return [line for line in rendered.text.splitlines() if line.startswith("-A ")]


def sources(rendered: Rendered) -> list[str]:
    return [found[1] for line in appended(rendered) if (found := re.search(r"-s (\S+)/32 -j DROP", line))]


@pytest.mark.parametrize("name", ["three", "wide", "hundred"])
def test_topologies_load(name: str) -> None:
    assert topology(name).topology == name


@pytest.mark.parametrize("nodes", [2, 10, 11, 30, 1000])
def test_a_topology_has_as_many_nodes_as_are_asked_for(nodes: int) -> None:
    many = topology_of(nodes)
    assert len(many.nodes) == nodes
    assert all(2 <= len(many.on_network(network)) <= 10 for network in many.networks)


def test_the_blocked_address_of_the_topology_is_the_last_of_the_list() -> None:
    assert topology("wide").nodes["client"].addresses(4)[0] == CLIENT


@pytest.mark.parametrize("entries", [10, 1_000, 40_000])
def test_chain_and_tree_and_set_block_the_same_addresses(entries: int) -> None:
    linear = sources(grown("linear.rules", entries))
    assert len(set(linear)) == len(linear) == entries
    assert ip_address(linear[-1]) == CLIENT
    assert sources(grown("tree.rules", entries)) == linear
    added = [line.split()[2] for line in grown("set.ipset", entries).text.splitlines() if line.startswith("add")]
    assert added == linear


@pytest.mark.parametrize("entries", [10, 1_000, 40_000])
def test_each_address_is_reached_through_the_tree_in_chains_of_sixteen(entries: int) -> None:
    rules = [line.split() for line in appended(grown("tree.rules", entries))]
    by_chain: dict[str, list[tuple[str, str]]] = {}
    for _, chain, _, prefix, _, target in rules:
        by_chain.setdefault(chain, []).append((prefix, target))
    assert max(map(len, by_chain.values())) <= 16
    for address in {CLIENT, CLIENT - entries + 1}:
        chain, walked = "FORWARD", []
        while chain != "DROP":
            chain = next(target for prefix, target in by_chain[chain] if address in ip_network(prefix))
            walked.append(chain.partition("-")[0])
        assert walked == ["p16", "p20", "p24", "p28", "DROP"]


def test_each_chain_of_the_tree_is_declared() -> None:
    tree = grown("tree.rules", 1_000)
    declared = set(re.findall(r"^:(\S+)", tree.text, re.MULTILINE))
    assert {line.split()[1] for line in appended(tree)} <= declared


@pytest.mark.parametrize("cells", [10, 1_000, 10_000])
def test_a_matrix_has_as_many_cells_as_are_asked_for(cells: int) -> None:
    with project(cells) as file:
        matrix = load_matrix(file)
        assert (file.parent.parent / "policies" / "two-hundred.rules.j2").is_file()
    assert len(matrix.flows) == cells
    assert not file.exists()


@pytest.mark.parametrize("name", ["two-hundred", "all-accept", "set"])
def test_policies_are_rendered(name: str) -> None:
    rendered = policy(name).v4
    assert rendered is not None
    assert appended(rendered)


def test_the_inputs_are_in_their_folder() -> None:
    assert not [*folder().rglob("*.py")]
    assert (folder() / "matrices" / "thousand.yaml").is_file()
