"""Which cells meet a rule that remembers, and whether a packet came as far as one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.record.observation import Observation
from lab.record.path import End, Path, Rule, Step
from lab.ruleset.memories import Memories
from lab.run.isolation import Isolation
from lab.written.cell import Cell, Service
from lab.written.topology import Topology
from tests.unit.ruleset.made import saved
from tests.unit.verdict.made import SYN, cell, dropped, observed, verdict

TOPOLOGY = Topology.model_validate({
    "topology": "made",
    "networks": {"left": "10.0.1.0/24", "right": "10.0.2.0/24"},
    "nodes": {
        "client": {"role": "client", "interfaces": {"left": "10.0.1.10"}, "via": "gateway"},
        "gateway": {"role": "gateway", "interfaces": {"left": "10.0.1.1", "right": "10.0.2.1"}, "forwards": True},
        "server": {"role": "backend", "interfaces": {"right": "10.0.2.10"}, "via": "gateway"},
    },
})  # fmt: skip
LIMITED = "-A FORWARD -p udp -m udp --dport 53 -m limit --limit 1/hour -j ACCEPT"
LOG = '-A FORWARD -m limit --limit 1/hour -j LOG --log-prefix "x"'
DNS = cell(service=Service("udp/53", "udp", ((53, 53),)))


def isolation(*rules: str) -> Isolation:
    text = "\n".join(("*filter", ":INPUT ACCEPT [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]", *rules, "COMMIT\n"))
    return Isolation(Memories(TOPOLOGY, {"gateway": saved(text)}))


@pytest.mark.parametrize(
    ("rules", "of", "count"),
    [
        ((), DNS, 0), ((LIMITED,), DNS, 1), ((LIMITED,), cell(), 0), ((LOG,), DNS, 0),
        (("-A FORWARD -m recent --name x --set",), cell(), 0),  # nobody reads the list
        (("-A FORWARD -m recent --name x --set", "-A FORWARD -m recent --name x --rcheck -j DROP"), cell(), 2),
        (("-A INPUT -p udp -m limit --limit 1/hour -j ACCEPT",), DNS, 0),
        (("-A FORWARD -p tcp -m conntrack --ctstate NEW -j ACCEPT",), cell(), 0),
    ],
)  # fmt: skip
def test_what_is_in_the_way(rules: tuple[str, ...], of: Cell, count: int) -> None:
    assert len(isolation(*rules).in_the_way(of)) == count


def test_input_counts_where_the_cell_ends() -> None:
    limited = isolation("-A INPUT -p udp -m limit --limit 1/hour -j ACCEPT")
    to_gateway = replace(DNS, target=replace(DNS.target, address="10.0.1.1", node="gateway"))
    assert (len(limited.in_the_way(DNS)), len(limited.in_the_way(to_gateway))) == (0, 1)


def test_a_limited_log_counts_for_a_cell_that_expects_one() -> None:
    expecting = replace(DNS, expect=replace(DNS.expect, further={"logged": "x"}))
    assert [isolation(LOG).log_is_limited(of) for of in (DNS, expecting)] == [False, True]
    assert not isolation("-A FORWARD -j LOG").log_is_limited(expecting)


def came_as_far_as(number: int | None) -> Observation:
    rule = Rule("gateway", "filter", "FORWARD", number, "")
    return observed(Path("gateway", SYN, (Step("forward", "filter", "FORWARD", rule, "accept"),), End.LEFT, SYN))


@pytest.mark.parametrize(("number", "touched"), [(1, False), (2, True), (3, True), (None, True)])
def test_a_rule_is_touched_by_what_came_as_far(number: int | None, touched: bool) -> None:
    remembering = isolation("-A FORWARD -p udp -m udp --dport 54 -j ACCEPT", LIMITED)
    assert remembering.touched(DNS, verdict(observation=came_as_far_as(number))) is touched


def test_what_never_came_to_the_chain_touched_nothing() -> None:
    early = Rule("gateway", "raw", "PREROUTING", 9, "", target="DROP")
    elsewhere = Rule("second", "filter", "FORWARD", 9, "", target="DROP")
    for path in (dropped(early), dropped(elsewhere, node="second")):
        assert not isolation(LIMITED).touched(DNS, verdict(observation=observed(path)))
