"""Reports of small rulesets held against every flow of a small universe; hundreds more are tried by `ci/mutants`."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from ci.mutants.exhaustive import held_against, universe
from ci.mutants.small import Rule, Small, changed, small
from lab.model.proposal import Proposed
from lab.record.difference import Flow, FlowClass
from lab.study.diff.modelled import modelled
from lab.study.diff.proposer import Holds
from lab.written.topology import Topology

pytestmark = pytest.mark.kernel

ANSWERS = Rule("FORWARD", "ACCEPT", states=("RELATED", "ESTABLISHED"))
OLD, NEW = (
    Small(4, (ANSWERS, Rule("FORWARD", "ACCEPT", destination="10.31.2.0/24", proto="tcp", ports=(80, last))))
    for last in (443, 442)
)
FEW = [flow for flow in universe(4) if flow.service in ("tcp/443", "tcp/80", "udp/443", "icmp/echo-request")]
SHUT, SAME = (Flow("office", "10.31.1.9", "10.31.2.10", service, 4) for service in ("tcp/443", "udp/443"))


@pytest.mark.parametrize(
    ("seed", "family", "native", "differing"),
    [("pick 2", 4, False, 6), ("pick 2", 6, False, 6), ("pick 4", 4, True, 8)],
    ids=["iptables", "ip6tables", "nft"],
)
def test_every_flow_that_differs_lies_in_a_class_and_whole_classes_differ(
    seed: str, family: int, differing: int, *, native: bool
) -> None:
    chance = random.Random(seed)
    old = small(chance, family, native=native)
    _, new = changed(chance, old)
    flows = random.Random(seed).sample(list(universe(family)), 60)
    found = held_against(old, new, native=(native, native), flows=flows)
    assert (found.wrong, found.asked, found.differing) == ((), 60, differing)


def test_a_port_that_is_no_longer_open_is_found_and_claimed_of_nothing_else() -> None:
    """Of the other port that it has a rule with another text decides."""
    found = held_against(OLD, NEW, flows=FEW)
    assert (found.wrong, found.asked, found.differing, found.classes) == ((), 32, 8, 2)


def test_what_both_dialects_say_alike_is_no_difference() -> None:
    assert held_against(OLD, OLD, native=(False, True), flows=[SHUT, SAME]) == ((), 2, 0, 0)


def test_a_model_that_tells_too_little_or_too_much_is_caught() -> None:
    """Otherwise the tests above would hold whatever a model says."""

    def blind(old: Holds, new: Holds, topology: Topology, node: str, family: int) -> Proposed:
        return Proposed(())

    def bold(old: Holds, new: Holds, topology: Topology, node: str, family: int) -> Proposed:
        found = modelled(old, new, topology, node, family)
        assert found is not None
        of = FlowClass((SHUT.source,), (SHUT.destination,), ("tcp/443", "udp/443"))
        return Proposed((replace(found.proposals[0], flow=SHUT, of=of),))

    assert held_against(OLD, NEW, proposer=blind, flows=[SHUT, SAME]).wrong == (f"missed {SHUT}: allow or deny, told []",)
    (claimed,) = held_against(OLD, NEW, proposer=bold, flows=[SHUT, SAME]).wrong
    assert claimed.startswith(f"claimed {SAME}: allow or deny of ")
