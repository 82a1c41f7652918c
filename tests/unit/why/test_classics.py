"""The classic mistakes, named."""

from __future__ import annotations

from lab.record.verdict import Kind, Verdict
from lab.why.classics import classics
from tests.unit.verdict.made import SYN, dropped, observed, passed, rule, verdict
from tests.unit.why.made import case

DNAT = rule("publish", "DNAT", table="nat", chain="PREROUTING", number=2)
POLICY = rule(target="DROP", number=None)


def told(failed: Verdict, action: str = "allow") -> tuple[str, ...]:
    return tuple(map(str, classics(case(failed, action))))


def test_translated_then_dropped() -> None:
    (hint,) = told(verdict(Kind.DROPPED, observation=observed(dropped(POLICY, DNAT)), rule=POLICY))
    assert hint.startswith(
        "translated by gateway nat:PREROUTING:2 (publish), then dropped by gateway filter:FORWARD policy: "
    )
    assert "FORWARD" in hint


def test_dropped_without_a_translation() -> None:
    assert told(verdict(Kind.DROPPED, observation=observed(dropped(POLICY)), rule=POLICY)) == ()


def test_source_nat_is_no_port_forward() -> None:
    late = rule("late", "DROP", table="mangle", chain="POSTROUTING")
    snat = rule("hide", "SNAT", table="nat", chain="POSTROUTING")
    assert told(verdict(Kind.DROPPED, observation=observed(dropped(late, snat)), rule=late)) == ()


def test_nothing_listened_where_it_arrived() -> None:
    way = passed(rule("open"), leaving=SYN._replace(destination="10.0.2.10", dport=8443))
    closed = verdict(Kind.CLOSED, observation=observed(way))
    (hint,) = told(closed)
    assert "nothing listened at 10.0.2.10:8443" in hint
    assert "arrives: {at: NODE, port: PORT}" in hint
    assert told(closed, "drop") == ()


def test_an_answer_that_no_rule_dropped_has_no_such_hint() -> None:
    assert told(verdict(Kind.UNANSWERED, node=None, rule=rule("open"))) == ()
