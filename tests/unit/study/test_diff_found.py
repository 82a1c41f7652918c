"""How what the kernel confirmed is put together: what is one difference, and which comes first."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace

from lab.record.difference import Aspect, Flow, FlowClass
from lab.record.path import Rule, Step
from lab.record.verdict import Kind, Verdict
from lab.study.diff.found import Found, side
from lab.study.diff.sides import Both
from lab.written.expect.example import PASSED

NODE = "gateway"
COMMENT = "publish-web owner=net-sec CHG-1042 review=2027-01-31"
ACCEPTS = Rule(NODE, "filter", "FORWARD", 2, "-A FORWARD -j ACCEPT", COMMENT, "ACCEPT")
ALLOWED = replace(PASSED, rule=ACCEPTS)


def dropped(number: int = 3) -> Verdict:
    rule = Rule(NODE, "filter", "FORWARD", number, f"-A FORWARD -p {number} -j DROP", target="DROP")
    return replace(PASSED, kind=Kind.DROPPED, rule=rule, passed_node=False)


def rejected() -> Verdict:
    return replace(dropped(), kind=Kind.REJECTED, reject="tcp-reset")


def unanswered() -> Verdict:
    return replace(ALLOWED, kind=Kind.UNANSWERED, observation=replace(PASSED.observation, arrived=None))


def flow(source: str, service: str = "tcp/443") -> Flow:
    return Flow("world", source, "198.51.100.1", service, 4)


def found(*flows: tuple[str, Verdict, Verdict, int | None]) -> Found:
    kept = Found(NODE)
    for source, old, new, size in flows:
        kept.add(flow(source), FlowClass((source,), ("198.51.100.1",), ("tcp/443",), size), Both(old, new), ("-m recent",))
    return kept


def sources(kept: Found) -> Sequence[tuple[str, ...]]:
    return [one.of.sources for one in kept.differences]


def test_by_aspect_then_fail_open_then_the_largest() -> None:
    kept = found(
        ("10.0.0.1", dropped(), rejected(), 900), ("10.0.0.2", ALLOWED, dropped(4), 800), ("10.0.0.3", dropped(5), ALLOWED, 3),
        ("10.0.0.4", dropped(6), ALLOWED, 70), ("10.0.0.5", ALLOWED, replace(ALLOWED, rule=replace(ACCEPTS, text="-A x")), 999),
        ("10.0.0.6", ALLOWED, ALLOWED, 999),
    )  # fmt: skip
    assert sources(kept) == [("10.0.0.4",), ("10.0.0.3",), ("10.0.0.2",), ("10.0.0.1",), ("10.0.0.5",)]
    assert [one.aspect for one in kept.differences[2:]] == [Aspect.ALLOW, Aspect.REFUSAL, Aspect.RULE]
    assert [(one.opens, one.closes) for one in kept.differences] == [(True, False)] * 2 + [(False, True)] + [(False, False)] * 2


def test_the_same_two_rules_are_one_difference() -> None:
    kept = found(
        ("10.0.0.1", dropped(), ALLOWED, 4), ("10.0.0.2", dropped(), ALLOWED, 60), ("10.0.0.3", dropped(4), ALLOWED, 5)
    )
    first, second = kept.differences
    assert (first.of.sources, first.of.size, first.of.whole) == (("10.0.0.2", "10.0.0.1"), 64, False)
    assert (first.flow.source, first.rests_on, first.of.entered) == ("10.0.0.2", ("-m recent",), ())
    assert (second.of.sources, second.of.whole) == (("10.0.0.3",), True)


def test_a_flow_that_is_answered_speaks_for_a_sample() -> None:
    kept = found(("10.0.0.1", dropped(), unanswered(), None), ("10.0.0.2", dropped(), ALLOWED, None))
    (one,) = kept.differences
    assert (one.flow.source, one.of.sources, one.of.size) == ("10.0.0.2", ("10.0.0.2", "10.0.0.1"), None)


def test_who_answers_for_a_rule() -> None:
    told = side(ALLOWED)
    assert (told.rule, told.owner, told.ticket, told.review) == (ACCEPTS, "net-sec", "CHG-1042", datetime.date(2027, 1, 31))
    assert side(dropped()).owner is None


def test_what_is_published_is_another_class_than_the_server_behind_it() -> None:
    (path,) = PASSED.path
    dnat = Rule(NODE, "nat", "PREROUTING", 1, "-A PREROUTING -j DNAT", target="DNAT", translates="destination")
    through = replace(path, steps=(Step("prerouting", "nat", "PREROUTING", dnat, "accept", "nat"), *path.steps))
    led = replace(ALLOWED, observation=replace(ALLOWED.observation, request=(through,)))
    kept = found(("10.0.0.1", dropped(), ALLOWED, 4), ("10.0.0.2", dropped(), led, 60), ("10.0.0.3", dropped(), led, 5))
    assert sources(kept) == [("10.0.0.2", "10.0.0.3"), ("10.0.0.1",)]
