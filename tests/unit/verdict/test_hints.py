"""The classic mistakes, named."""

from __future__ import annotations

from dataclasses import replace

from lab.record.verdict import Kind
from lab.verdict.hints import hints_for
from lab.verdict.judge import judge
from tests.unit.verdict.made import SYN, SYN_ACK, cell, dropped, observed, passed, rule, verdict

DNAT = rule("publish", "DNAT", table="nat", chain="PREROUTING", number=2)
POLICY = rule(target="DROP", number=None)


def test_translated_then_dropped() -> None:
    (hint,) = hints_for(cell(), verdict(Kind.DROPPED, observation=observed(dropped(POLICY, DNAT)), rule=POLICY))
    assert hint.startswith(
        "translated by gateway nat:PREROUTING:2 (publish), then dropped by gateway filter:FORWARD policy: "
    )
    assert "FORWARD" in hint


def test_dropped_without_a_translation() -> None:
    assert hints_for(cell(), verdict(Kind.DROPPED, observation=observed(dropped(POLICY)), rule=POLICY)) == ()


def test_source_nat_is_no_port_forward() -> None:
    late = rule("late", "DROP", table="mangle", chain="POSTROUTING")
    snat = rule("hide", "SNAT", table="nat", chain="POSTROUTING")
    assert hints_for(cell(), verdict(Kind.DROPPED, observation=observed(dropped(late, snat)), rule=late)) == ()


def test_nothing_listened_where_it_arrived() -> None:
    way = passed(rule("open"), leaving=SYN._replace(destination="10.0.2.10", dport=8443))
    closed = verdict(Kind.CLOSED, observation=observed(way))
    (hint,) = hints_for(cell(), closed)
    assert "nothing listened at 10.0.2.10:8443" in hint
    assert "arrives: {at: NODE, port: PORT}" in hint
    assert hints_for(cell("drop"), closed) == ()


def test_the_answer_was_dropped() -> None:
    by = rule("no-answers", "DROP")
    seen = observed(passed(rule()), answer=(dropped(by, entry=SYN_ACK),))
    (hint,) = hints_for(cell(), verdict(Kind.UNANSWERED, node="gateway", rule=by, observation=seen))
    assert "its answer was dropped by gateway filter:FORWARD:1 (no-answers)" in hint
    assert "ESTABLISHED,RELATED" in hint


def test_an_answer_that_no_rule_dropped_has_no_such_hint() -> None:
    assert hints_for(cell(), verdict(Kind.UNANSWERED, node=None, rule=rule("open"))) == ()


def test_what_passed_needs_no_hint() -> None:
    assert judge(cell(), verdict(Kind.ALLOWED)).hints == ()
    assert judge(cell("drop"), verdict(Kind.DROPPED, observation=observed(dropped(POLICY, DNAT)), rule=POLICY)).hints == ()


def test_what_was_bridged_past_the_rules_is_not_said_to_have_none() -> None:
    past = observed(passed(bridged=True, out="tap2"))
    (hint,) = hints_for(cell("drop"), verdict(Kind.ALLOWED, observation=past))
    assert hint.startswith("gateway bridged it past the rules of iptables: bridge-nf-call-iptables is 0")
    assert "`bridge-nf: true`" in hint
    assert hints_for(cell(), verdict(Kind.ALLOWED, observation=past)) == ()
    by = rule("frames", "DROP")
    stopped_there = observed(replace(dropped(by), bridged=True))
    assert hints_for(cell("drop"), verdict(Kind.DROPPED, observation=stopped_there, rule=by)) == ()
    assert "has no rules for IPv4" in "".join(hints_for(cell("drop"), verdict(Kind.ALLOWED, observation=observed(passed()))))
