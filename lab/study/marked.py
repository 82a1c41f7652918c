"""The mark maps of a lab: what its nodes hold, and where their kernels send what is marked."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from lab.lab import Lab
from lab.record.marks import MarkMap, MarkRoute, MarkWay
from lab.ruleset.held import Chains
from lab.study.marks import mark_map, values_of_marks
from lab.written.topology import Topology

# set aside for examples (RFC 5737, RFC 3849), so that nobody real is meant
_ELSEWHERE = {
    4: ("192.0.2.254", "198.51.100.254", "203.0.113.254"),
    6: ("2001:db8:ffff:ffff::fe", "2001:db8:fffe:fffe::fe"),
}  # fmt: skip
_MOST_WAYS = 64  # marks; rules may set one for each address
_NO_CHAINS: Chains = {}


def marks_of(lab: Lab) -> tuple[MarkMap, ...]:
    """The maps of the nodes that have rules, or routing rules that ask for marks."""
    return tuple(found for name in lab.topology.nodes if (found := _of_node(lab, name)) is not None)


def _of_node(lab: Lab, name: str) -> MarkMap | None:
    policy = lab.policies.get(name)
    families = [family for family in (4, 6) if lab.topology.nodes[name].addresses(family)]
    routes = [
        MarkRoute(family, text, rule.fwmark, 0xFFFFFFFF if rule.mask is None else rule.mask)
        for family in families
        for rule, text in lab.stage.routing.rules(name, family)
        if rule.fwmark is not None
    ]
    if policy is None and not routes:
        return None
    chains = _NO_CHAINS if policy is None else policy.chains
    values = values_of_marks(chains, routes)
    ways = [*_ways(lab, name, families, (0, *values[:_MOST_WAYS]))] if routes else []
    return mark_map(name, chains, routes, ways, lab.network.nodes[name].sysctls)


def _ways(lab: Lab, name: str, families: list[int], marks: tuple[int, ...]) -> Iterator[MarkWay]:
    for mark in marks:
        for family in families:
            to = _elsewhere(lab.topology, family)
            yield MarkWay(to, mark, lab.stage.routing.way(name, to, mark))


def _elsewhere(topology: Topology, family: int) -> str:
    """An address that no network of the topology has, as far as there is one among those that are set aside."""
    networks = [prefix for prefixes in topology.networks.values() for prefix in prefixes if prefix.version == family]
    found = (one for one in _ELSEWHERE[family] if all(ip_address(one) not in prefix for prefix in networks))
    return next(found, _ELSEWHERE[family][0])
