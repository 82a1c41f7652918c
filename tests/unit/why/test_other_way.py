"""A packet that left by another way than its row says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.record.path import Rule, Step
from lab.record.verdict import Kind
from lab.why.other_way import other_way
from lab.written.expect.arrives import ArrivesSpec
from lab.written.expect.leaves import LeavesSpec
from tests.unit.verdict.made import SYN, observed, passed, rule, verdict
from tests.unit.why.made import TOPOLOGY, case

MARKS = Rule("gateway", "routing", "output", 1, "ip daddr 10.0.9.0/24 meta mark set 0x1", family="inet")
WITH_MARKS = TOPOLOGY.model_copy(
    update={"nodes": {
        **TOPOLOGY.nodes, "gateway": TOPOLOGY.nodes["gateway"].model_copy(
            update={"rules": type(TOPOLOGY).model_validate({
                "topology": "marks", "networks": {"lan": "10.0.1.0/24"},
                "nodes": {"gateway": {"role": "r", "interfaces": {"lan": "10.0.1.1"}, "rules": "fwmark 1 lookup 7"}},
            }).nodes["gateway"].rules},
        ),
    }},
)  # fmt: skip


def told(kind: str = "filter", *, entered: str | None = None, by: Rule = MARKS, **keys: Any) -> str:
    """What is said of a packet of the gateway's own that a rule of this kind of chain marked, and that left by dmz."""
    way = replace(passed(rule(), leaving=SYN), out="dmz", toward="dmz", entered=entered)
    way = replace(way, steps=(Step("output", "routing", "output", by, "continue", kind), *way.steps))
    failed = verdict(Kind.UNANSWERED, observation=observed(way))
    return "\n".join(map(str, other_way(case(failed, **keys))))


def test_it_left_by_another_interface_than_the_row_says() -> None:
    words = told(further={"leaves": LeavesSpec(via="wan")})
    assert words.startswith("it left gateway by dmz, where server is, and was to leave by wan: the routes")
    assert told(further={"leaves": LeavesSpec(via="dmz")}) == ""
    assert told() == ""


def test_it_went_where_the_row_s_receiver_is_not() -> None:
    assert "was to come to client" in told(further={"arrives": ArrivesSpec(at=("client",))}, topology=WITH_MARKS)
    assert told(further={"arrives": ArrivesSpec(at=("server",))}) == ""


def test_no_route_leads_it_to_who_has_another_address() -> None:
    assert told(further={"arrives": ArrivesSpec(at=("client",))}) == ""


def test_a_mark_behind_routing() -> None:
    wanted = {"leaves": LeavesSpec(via="wan")}
    words = told(further=wanted, topology=WITH_MARKS)
    assert "gateway inet routing:output:1 marks it in a chain of type filter behind routing" in words
    assert "type route hook output" in words


def test_a_mark_that_has_the_packet_routed_anew_or_came_in_time_is_no_cause() -> None:
    wanted = {"leaves": LeavesSpec(via="wan")}
    assert "marks it" not in told("mangle", further=wanted, topology=WITH_MARKS)
    assert "marks it" not in told(entered="lan", further=wanted, topology=WITH_MARKS)
    assert "marks it" not in told(further=wanted), "no routing rule asks for a mark"


@pytest.mark.parametrize("text", [
    "ip daddr 10.0.9.0/24 ct mark set 0x1", 'ip daddr 10.0.9.0/24 accept comment "meta mark set elsewhere"',
    "-A OUTPUT -j CONNMARK --set-xmark 0x1/0xffffffff", '-A OUTPUT -m comment --comment "-j MARK" -j ACCEPT',
])  # fmt: skip
def test_a_mark_of_a_connection_and_a_word_of_a_comment_are_no_cause(text: str) -> None:
    assert "marks it" not in told(further={"leaves": LeavesSpec(via="wan")}, topology=WITH_MARKS, by=replace(MARKS, text=text))


@pytest.mark.parametrize(("target", "text"), [
    ("MARK", "-A OUTPUT -j MARK --set-xmark 0x1/0xffffffff"),
    ("CONNMARK", "-A OUTPUT -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff"),
])  # fmt: skip
def test_marks_of_iptables(target: str, text: str) -> None:
    by = replace(MARKS, text=text, target=target, family="ip")
    assert "mark it in the mangle table" in told(further={"leaves": LeavesSpec(via="wan")}, topology=WITH_MARKS, by=by)


def test_where_it_was_translated_to_is_no_other_way() -> None:
    dnat = rule("publish", "DNAT", table="nat", chain="PREROUTING")
    way = replace(passed(rule(), leaving=SYN), out="dmz", toward="dmz")
    way = replace(way, steps=(Step("prerouting", "nat", "PREROUTING", dnat, "accept", "nat"), *way.steps))
    failed = verdict(Kind.UNANSWERED, observation=observed(way))
    assert [*other_way(case(failed, further={"leaves": LeavesSpec(via="wan")}))] == []
