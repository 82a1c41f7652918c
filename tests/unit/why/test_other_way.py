"""A packet that left by another way than its row says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.record.lead import Lead
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
    assert [*other_way(case(failed, further={"arrives": ArrivesSpec(at=("client",))}))] == []


def routes(*, plain: str | None, marked: str) -> Any:
    """A kernel that sends by one interface, and what has a mark by another."""

    def ask(node: str, address: str, _source: str | None, mark: int) -> Lead:
        return Lead(node, address, marked if mark else plain)

    return ask


def lost(*, mark: int = 1, kind: Kind = Kind.UNROUTED, out: str = "lan", **keys: Any) -> str:
    """What is said of a packet for the server of dmz that was marked and left by the LAN."""
    way = replace(passed(rule(), leaving=SYN), out=out, toward=out, entered="lan", mark=mark)
    way = replace(way, steps=(Step("prerouting", "routing", "marks", MARKS, "continue"), *way.steps))
    return "\n".join(map(str, other_way(case(verdict(kind, observation=observed(way)), **keys))))


def test_a_mark_led_it_past_a_network_of_the_node_itself() -> None:
    words = lost(ask_route=routes(plain="dmz", marked="lan"))
    assert words.startswith("it left gateway by lan, where client is, and server is on dmz: its mark 0x1, from gateway inet ")
    assert "without a mark its route is by dmz: do not mark what is for 10.0.2.0/24" in words
    assert "`throw 10.0.2.0/24 table N`" in words


def test_a_mark_is_no_cause_where_routes_lead_elsewhere_with_it_or_to_the_same_without() -> None:
    for plain, marked in (("lan", "lan"), ("dmz", "wan"), (None, "lan")):
        words = lost(ask_route=routes(plain=plain, marked=marked))
        assert "its mark" not in words
        assert "the routes and routing rules of gateway choose" in words
    assert "its mark" not in lost(mark=0, ask_route=routes(plain="dmz", marked="lan"))


def test_what_left_where_it_belongs_or_was_judged_further_on_went_no_other_way() -> None:
    assert lost(out="dmz") == ""
    assert lost(kind=Kind.DROPPED) == ""


def test_a_packet_of_its_own_that_is_sent_with_a_mark_in_production() -> None:
    wanted = {"leaves": LeavesSpec(via="wan")}
    words = told("route", further=wanted, topology=WITH_MARKS, ask_route=routes(plain="dmz", marked="wan"))
    assert words.endswith("say `mark: 0x1` in the row")
    assert "it has no mark; with 0x1, which a routing rule of gateway asks for, it would" in words


def test_a_mark_that_changes_nothing_is_not_asked_for() -> None:
    wanted = {"leaves": LeavesSpec(via="wan")}
    led = routes(plain="dmz", marked="wan")
    assert "mark:" not in told("route", further=wanted, ask_route=led), "no routing rule asks for one"
    assert "mark:" not in told("route", further=wanted, topology=WITH_MARKS, ask_route=routes(plain="dmz", marked="dmz"))
    assert "mark:" not in told("route", entered="lan", further=wanted, topology=WITH_MARKS, ask_route=led)
