"""The second table of the design, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from lab.record.result import Outcome
from lab.record.verdict import Kind, Verdict
from lab.verdict.judge import judge
from lab.written.expect.logged import LoggedSpec
from tests.unit.verdict.made import cell, dropped, observed, passed, rule, verdict

PASS, OPEN, CLOSED = Outcome.PASSED, Outcome.FAIL_OPEN, Outcome.FAIL_CLOSED
MISMATCH, ERROR = Outcome.MISMATCH, Outcome.ERROR


def test_what_passed_in_a_copy_alone_is_told_as_such() -> None:
    copies = rule("tap", "TEE", table="mangle", chain="PREROUTING")
    by = rule("shut", "DROP")
    for before, told in ((copies, "but a copy of it passed: dropped by"), (rule("x"), "but passed: ")):
        found = verdict(Kind.DROPPED, node="gateway", rule=by, passed_node=True, observation=observed(dropped(by, before)))
        judged = judge(cell("drop"), found)
        assert judged.outcome is OPEN
        assert judged.differences[0].startswith(f"must be dropped, {told}")


def at_node(kind: Kind, **keys: Any) -> Verdict:
    """A verdict whose packet never left the node under test."""
    target = {Kind.DROPPED: "DROP", Kind.REJECTED: "REJECT"}.get(kind, "ACCEPT")
    return verdict(kind, node="gateway", rule=rule("deny", target), passed_node=False, **keys)


def beyond(kind: Kind, **keys: Any) -> Verdict:
    """A verdict whose packet had left the node under test."""
    return verdict(kind, node="second", rule=rule("open"), passed_node=True, **keys)


DROPPED, CONSUMED, UNROUTED = at_node(Kind.DROPPED), at_node(Kind.CONSUMED), at_node(Kind.UNROUTED)
RESET = at_node(Kind.REJECTED, reject="tcp-reset")
PROHIBITED = at_node(Kind.REJECTED, reject="icmp-admin-prohibited")
MUTED = at_node(Kind.REJECTED, reject="tcp-reset", muted=True)
ALLOWED, LOST = beyond(Kind.ALLOWED), verdict(Kind.LOST, proof="nothing is proven")
GONE_ON = [
    ALLOWED, beyond(Kind.UNANSWERED), beyond(Kind.CLOSED), beyond(Kind.DROPPED), beyond(Kind.REJECTED, reject="tcp-reset"),
    beyond(Kind.UNROUTED), beyond(Kind.CONSUMED),
]  # fmt: skip

ALLOW = [
    (ALLOWED, PASS), (beyond(Kind.UNANSWERED), CLOSED), (beyond(Kind.CLOSED), CLOSED), (DROPPED, CLOSED), (RESET, CLOSED),
    (MUTED, CLOSED), (CONSUMED, CLOSED), (UNROUTED, CLOSED), (beyond(Kind.DROPPED), CLOSED), (LOST, ERROR),
]  # fmt: skip
DROP = [(DROPPED, PASS), (RESET, MISMATCH), (MUTED, MISMATCH), (CONSUMED, MISMATCH), (UNROUTED, MISMATCH), (LOST, ERROR),
        *((seen, OPEN) for seen in GONE_ON)]  # fmt: skip
REJECT = [(DROPPED, MISMATCH), (RESET, PASS), (PROHIBITED, PASS), (MUTED, MISMATCH), (CONSUMED, MISMATCH),
          (UNROUTED, MISMATCH), (LOST, ERROR), *((seen, OPEN) for seen in GONE_ON)]  # fmt: skip
DENY = [(DROPPED, PASS), (RESET, PASS), (PROHIBITED, PASS), (MUTED, PASS), (CONSUMED, MISMATCH), (UNROUTED, MISMATCH),
        (LOST, ERROR), *((seen, OPEN) for seen in GONE_ON)]  # fmt: skip
TABLE = [
    (action, seen, outcome)
    for action, rows in (("allow", ALLOW), ("drop", DROP), ("reject", REJECT), ("deny", DENY))
    for seen, outcome in rows
]


@pytest.mark.parametrize(("action", "seen", "outcome"), TABLE, ids=lambda value: str(value))
def test_the_class(action: str, seen: Verdict, outcome: Outcome) -> None:
    judgement = judge(cell(action), seen)
    assert judgement.outcome is outcome
    assert bool(judgement.differences) == (outcome is not PASS), "whatever is not passed says why"


@pytest.mark.parametrize(
    ("wanted", "outcome"),
    [("tcp-reset", PASS), ("tcp-rst", PASS), ("icmp-admin-prohibited", MISMATCH), ("icmp-port-unreachable", MISMATCH)],
)
def test_a_reject_of_one_kind(wanted: str, outcome: Outcome) -> None:
    assert judge(cell("reject", reject_with=wanted), RESET).outcome is outcome


@pytest.mark.parametrize("action", ["drop", "deny"])
def test_a_row_that_says_what_else_refuses(action: str) -> None:
    assert judge(cell(action, by="rp_filter"), UNROUTED).outcome is PASS
    assert judge(cell(action, by="rp_filter"), beyond(Kind.UNROUTED)).outcome is OPEN
    assert judge(cell(action, by="rp_filter"), LOST).outcome is ERROR


@pytest.mark.parametrize(("by", "seen"), [("queue", UNROUTED), ("conntrack", UNROUTED), ("route", CONSUMED)])
def test_what_else_refuses_has_a_verdict_of_its_own(by: str, seen: Verdict) -> None:
    assert judge(cell("drop", by=by), seen).outcome is MISMATCH
    assert judge(cell("drop", by=by), CONSUMED if seen is UNROUTED else UNROUTED).outcome is PASS


@pytest.mark.parametrize(("told", "outcome"), [((), PASS), (("IP_RPFILTER",), PASS), (("IP_INNOROUTES",), MISMATCH)])
def test_the_kernel_s_own_word_may_speak_against_it(told: tuple[str, ...], outcome: Outcome) -> None:
    seen = at_node(Kind.UNROUTED, observation=observed(passed(rule()), reasons=told))
    assert judge(cell("drop", by="rp_filter"), seen).outcome is outcome


def test_nothing_else_than_a_rule_rejects() -> None:
    assert judge(cell("reject", by="rp_filter"), UNROUTED).outcome is MISMATCH


@pytest.mark.parametrize("seen", GONE_ON, ids=str)
def test_fail_open_comes_before_a_difference(seen: Verdict) -> None:
    assert judge(cell("drop", rule="another", through=("nothing",), logged=LoggedSpec(prefix="x")), seen).outcome is OPEN


def test_a_difference_makes_a_right_verdict_a_mismatch() -> None:
    for action, seen in (("allow", ALLOWED), ("drop", DROPPED), ("reject", RESET), ("deny", DROPPED)):
        judgement = judge(cell(action, rule="another"), seen)
        assert (judgement.outcome, len(judgement.differences)) == (MISMATCH, 1)


INVALID = rule(target="DROP", options="-m conntrack --ctstate INVALID")
RPFILTER = rule(target="DROP", options="-m rpfilter --invert", table="raw", chain="PREROUTING")


@pytest.mark.parametrize(
    ("by", "suspect"),
    [
        (rule(target="DROP"), False), (rule(target="DROP", number=None), False), (INVALID, True), (RPFILTER, True),
        (rule(target="DROP", table="raw", chain="PREROUTING"), True), (rule(target="DROP", table="mangle"), True),
        (rule(target="DROP", options="-m conntrack --ctstate INVALID,NEW"), False),
    ],
)  # fmt: skip
def test_denied_for_the_wrong_reason(by: Any, suspect: bool) -> None:
    seen = verdict(Kind.DROPPED, node="gateway", rule=by)
    assert (judge(cell("drop"), seen).outcome, judge(cell("drop"), seen).suspect) == (PASS, suspect)


def test_a_row_that_names_its_rule_is_not_suspect() -> None:
    seen = verdict(Kind.DROPPED, node="gateway", rule=rule("spoofed", "DROP", table="raw", chain="PREROUTING"))
    assert judge(cell("drop"), seen).suspect
    assert not judge(cell("drop", rule="spoofed"), seen).suspect
    assert not judge(cell("drop", by="rp_filter"), seen).suspect
    assert not judge(cell("allow"), ALLOWED).suspect


@pytest.mark.parametrize("action", ["drop", "reject", "deny"])
def test_dropped_before_it_came_to_the_node_under_test(action: str) -> None:
    kind = Kind.REJECTED if action == "reject" else Kind.DROPPED
    assert judge(cell(action), verdict(kind, node="upstream")).outcome is MISMATCH
