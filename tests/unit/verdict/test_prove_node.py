"""The node under test among others: whose rule decided, and whether a packet had left it."""

from __future__ import annotations

from dataclasses import replace

from lab.record.observation import Milestone
from lab.record.path import End, Step
from lab.record.verdict import Kind
from lab.verdict.deciding import deciding_rule
from lab.verdict.prove import prove
from tests.unit.verdict.made import dropped, observed, passed, rule, step, stopped

OPEN, SHUT = rule("open", number=2), rule("shut", "DROP", node="second", number=3)
WAY = (passed(OPEN), dropped(SHUT, node="second"))


def test_dropped_further_on() -> None:
    verdict = prove(observed(*WAY), "gateway")
    assert (verdict.kind, verdict.node, verdict.rule) == (Kind.DROPPED, "second", OPEN)
    assert verdict.passed_node
    assert verdict.decided == (("gateway", OPEN), ("second", SHUT))


def test_the_same_as_the_second_sees_it() -> None:
    verdict = prove(observed(*WAY), "second")
    assert (verdict.node, verdict.rule, verdict.passed_node) == ("second", SHUT, False)


def test_without_a_node_under_test_the_one_that_decided() -> None:
    verdict = prove(observed(*WAY))
    assert (verdict.rule, verdict.passed_node) == (SHUT, False)
    allowed = prove(observed(passed(OPEN), passed(rule("later", node="second"), node="second"), stage=Milestone.ANSWERED))
    assert allowed.rule is not None
    assert allowed.rule.comment == "later"


def test_delivered_to_the_node_under_test_is_passed() -> None:
    let_in = rule("in", chain="INPUT")
    verdict = prove(observed(passed(let_in, end=End.DELIVERED), stage=Milestone.ANSWERED), "gateway")
    assert (verdict.rule, verdict.passed_node) == (let_in, True)


def test_stopped_before_the_node_under_test() -> None:
    verdict = prove(observed(dropped(rule("first", "DROP"))), "second")
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.DROPPED, "gateway", False)


def test_rejected_further_on_has_passed() -> None:
    verdict = prove(observed(passed(OPEN), dropped(rule("no", "REJECT", node="second"), node="second")), "gateway")
    assert (verdict.kind, verdict.passed_node, verdict.rule) == (Kind.REJECTED, True, OPEN)


def test_vanished_further_on_has_passed() -> None:
    verdict = prove(observed(passed(OPEN), stopped(End.VANISHED, node="second")), "gateway")
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.UNROUTED, "second", True)


def test_the_drop_decides_even_after_an_accept_in_filter() -> None:
    by = rule("late", "DROP", table="mangle", chain="POSTROUTING")
    assert deciding_rule(dropped(by, OPEN)) is by


def test_the_terminal_accept_is_the_one_in_the_filter_hook() -> None:
    nat = rule("dnat", "DNAT", table="nat", chain="PREROUTING")
    mangle = rule("mark", table="mangle", chain="FORWARD")
    security = rule("label", table="security", chain="FORWARD")
    snat = rule("snat", "SNAT", table="nat", chain="POSTROUTING")
    assert deciding_rule(passed(nat, mangle, OPEN, security, snat)) is OPEN


def test_an_accept_in_a_user_s_chain_of_the_filter_hook() -> None:
    inner = rule("inner", chain="web")
    steps = step(rule(target="web"), "jump web"), Step("forward", "filter", "web", inner, "accept")
    assert deciding_rule(replace(passed(), steps=steps)) is inner


def test_no_rule_was_asked() -> None:
    assert deciding_rule(passed()) is None
    assert deciding_rule(stopped(End.VANISHED, rule(table="raw", chain="PREROUTING"))) is None
