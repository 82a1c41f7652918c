"""The classic mistakes, named."""

from __future__ import annotations

from lab.record.verdict import Kind, Verdict
from lab.why.classics import classics
from tests.unit.verdict.made import SYN, observed, passed, rule, verdict
from tests.unit.why.made import case


def told(failed: Verdict, action: str = "allow") -> tuple[str, ...]:
    return tuple(map(str, classics(case(failed, action))))


def test_nothing_listened_where_it_arrived() -> None:
    way = passed(rule("open"), leaving=SYN._replace(destination="10.0.2.10", dport=8443))
    closed = verdict(Kind.CLOSED, observation=observed(way))
    (hint,) = told(closed)
    assert "nothing listened at 10.0.2.10:8443" in hint
    assert "arrives: {at: NODE, port: PORT}" in hint
    assert told(closed, "drop") == ()


def test_an_answer_that_no_rule_dropped_has_no_such_hint() -> None:
    assert told(verdict(Kind.UNANSWERED, node=None, rule=rule("open"))) == ()
