"""In what two verdicts of one flow differ, by what their observations say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.record.difference import Aspect
from lab.record.observation import Arrival, Conntrack
from lab.record.packet import Packet
from lab.record.path import End, Path, Rule, Step
from lab.record.verdict import Kind, Verdict
from lab.study.diff.compare import CUT, STOPPED, THROUGH, compare, likeness, same_rule, treatment
from lab.written.expect.example import PASSED, REVERSE_PATH

NODE = "gateway"
DROP = Rule(NODE, "filter", "FORWARD", 3, "-A FORWARD -j DROP", target="DROP")
ACCEPTS = Rule(NODE, "filter", "FORWARD", 4, "-A FORWARD -i eth0 -j ACCEPT", target="ACCEPT")
REJECT = replace(DROP, text="-A FORWARD -j REJECT", target="REJECT", rejects="icmp-port-unreachable")
POLICY = replace(DROP, number=None, text="-P FORWARD DROP")
(WAY,) = PASSED.path


def on(path: Path, verdict: Verdict = PASSED, **changes: Any) -> Verdict:
    """The verdict with this path, and what else is otherwise."""
    return replace(verdict, observation=replace(verdict.observation, request=(path,)), **changes)


def stopped(rule: Rule, kind: Kind = Kind.DROPPED, **changes: Any) -> Verdict:
    steps = (*WAY.steps[:2], Step("forward", "filter", "FORWARD", rule, "drop"))
    seen = replace(PASSED.observation, request=(replace(WAY, steps=steps, end=End.DROPPED, exit=None, out=None),), arrived=None)
    return replace(PASSED, kind=kind, observation=seen, node=NODE, rule=rule, passed_node=False, **changes)


CLOSED = replace(PASSED, kind=Kind.CLOSED, observation=replace(PASSED.observation, arrived=None))
MUTE = replace(CLOSED, kind=Kind.UNANSWERED, packet="answer")
_CUT_HERE = Path(NODE, WAY.entry, (Step("forward", "filter", "FORWARD", DROP, "drop"),), End.DROPPED)
ANSWER_CUT = replace(MUTE, rule=DROP, node=NODE, observation=replace(MUTE.observation, answer=(_CUT_HERE,)))
_CUT_BEHIND = replace(_CUT_HERE, node="second", steps=(_CUT_HERE.steps[0]._replace(rule=replace(DROP, node="second")),))
CUT_BEHIND = replace(
    PASSED, kind=Kind.DROPPED, node="second", decided=(*PASSED.decided, ("second", replace(DROP, node="second"))),
    observation=replace(PASSED.observation, request=(WAY, _CUT_BEHIND), arrived=None),
)  # fmt: skip
REJECTED = stopped(REJECT, Kind.REJECTED, reject="icmp-port-unreachable")
ELSEWHERE = WAY.exit and WAY.exit._replace(destination="10.0.2.11")
OTHER_PORT = WAY.exit and WAY.exit._replace(dport=9443)
OTHER_SOURCE_PORT = WAY.exit and WAY.exit._replace(sport=1024)


@pytest.mark.parametrize(
    ("verdict", "through"),
    [
        (PASSED, THROUGH), (CLOSED, THROUGH), (MUTE, THROUGH), (ANSWER_CUT, CUT), (stopped(DROP), STOPPED), (REJECTED, STOPPED),
        (REVERSE_PATH, STOPPED),
        # it left the node, and another one stopped it
        (CUT_BEHIND, CUT),
    ],
)  # fmt: skip
def test_how_far_it_came(verdict: Verdict, through: int) -> None:
    assert treatment(verdict, NODE).through == through


@pytest.mark.parametrize(
    ("old", "new", "aspect"),
    [
        (PASSED, PASSED, None),
        (PASSED, stopped(DROP), Aspect.ALLOW),
        (ANSWER_CUT, PASSED, Aspect.ALLOW),
        (ANSWER_CUT, stopped(DROP), Aspect.ALLOW),
        (stopped(DROP), REJECTED, Aspect.REFUSAL),
        (REJECTED, stopped(REJECT, Kind.REJECTED, reject="tcp-reset"), Aspect.REFUSAL),
        (REJECTED, replace(REJECTED, muted=True), Aspect.REFUSAL),
        (PASSED, on(replace(WAY, exit=ELSEWHERE)), Aspect.TRANSLATION),
        (PASSED, on(replace(WAY, exit=OTHER_PORT)), Aspect.TRANSLATION),
        (PASSED, on(replace(WAY, exit=OTHER_SOURCE_PORT)), Aspect.TRANSLATION),
        (PASSED, on(replace(WAY, mark=3)), Aspect.WAY),
        (PASSED, on(replace(WAY, out="lan")), Aspect.WAY),
        (PASSED, on(replace(WAY, steps=(WAY.steps[0], WAY.steps[2]))), Aspect.LOG),
        (replace(PASSED, rule=ACCEPTS), replace(PASSED, rule=replace(ACCEPTS, text="-A FORWARD -j ACCEPT")), Aspect.RULE),
        (stopped(DROP), stopped(POLICY), Aspect.RULE),
        # passed on alike, and what came of it is not of the node's making
        (PASSED, MUTE, Aspect.ALLOW),
        (PASSED, replace(PASSED, kind=Kind.LOST), None),
        (replace(PASSED, kind=Kind.LOST), stopped(DROP), None),
    ],
)
def test_the_gravest_that_differs(old: Verdict, new: Verdict, aspect: Aspect | None) -> None:
    assert compare(old, new, NODE) is aspect
    assert compare(new, old, NODE) is aspect


def test_the_source_port_that_the_lab_chose_is_set_aside() -> None:
    def sent_from(port: int) -> Verdict:
        assert WAY.exit is not None
        return on(replace(WAY, entry=WAY.entry._replace(sport=port), exit=WAY.exit._replace(sport=port)))

    assert compare(sent_from(40000), sent_from(50000), NODE) is None


def test_ports_that_a_rule_chooses_at_random_are_set_aside() -> None:
    masquerade = Rule(NODE, "nat", "POSTROUTING", 1, "-A POSTROUTING -j MASQUERADE --random-fully", translates="source")
    steps = (*WAY.steps, Step("postrouting", "nat", "POSTROUTING", masquerade, "accept", "nat"))
    old, new = (on(replace(WAY, steps=steps, exit=packet)) for packet in (WAY.exit, OTHER_SOURCE_PORT))
    assert compare(old, new, NODE) is None


def test_an_arrival_elsewhere_by_another_way_behind_the_node() -> None:
    seen = replace(PASSED.observation, arrived=Arrival("standby", "10.0.2.10", 8443, "198.51.100.20", 40000))
    assert compare(PASSED, replace(PASSED, observation=seen), NODE) is Aspect.WAY


def test_the_mark_of_the_flow() -> None:
    (entry,) = PASSED.observation.conntrack
    marked = replace(PASSED.observation, conntrack=(entry._replace(mark=6),))
    assert compare(PASSED, replace(PASSED, observation=marked), NODE) is Aspect.WAY
    elsewhere = Conntrack("other", "NEW", (), 9, 30, WAY.entry, WAY.entry)
    assert compare(PASSED, replace(PASSED, observation=replace(PASSED.observation, conntrack=(elsewhere, entry))), NODE) is None


def test_what_other_nodes_did_is_no_difference_of_this_one() -> None:
    behind = Path("second", WAY.entry, (), End.LEFT, WAY.entry, "eth9", 7)
    seen = replace(PASSED.observation, request=(WAY, behind))
    assert compare(PASSED, replace(PASSED, observation=seen), NODE) is None


def test_logs_of_later_packets_count_where_all_were_traced() -> None:
    later = Path(NODE, Packet(4, 6, "198.51.100.20", 40000, "198.51.100.1", 443, 0x10), WAY.steps, End.LEFT)
    more = replace(PASSED, observation=replace(PASSED.observation, others=(later,)))
    assert compare(PASSED, more, NODE) is None
    assert compare(PASSED, more, NODE, whole=True) is Aspect.LOG
    assert compare(more, more, NODE, whole=True) is None


NATIVE = Rule(NODE, "filter", "forward", 2, 'iifname "eth0" accept', target="accept", family="inet")


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (ACCEPTS, replace(ACCEPTS, number=9, source="gateway.rules:12"), True),
        (ACCEPTS, replace(ACCEPTS, text="-A FORWARD  -i eth0 -j ACCEPT "), True),
        (ACCEPTS, replace(ACCEPTS, text="-A FORWARD -i eth1 -j ACCEPT"), False),
        (POLICY, replace(POLICY, text="-P FORWARD DROP "), True),
        (POLICY, replace(POLICY, target="ACCEPT"), False),
        (replace(POLICY, target="ACCEPT"), None, True),
        (None, replace(NATIVE, number=None, target="accept", text="policy accept"), True),
        (POLICY, None, False), (None, DROP, False), (None, None, True), (POLICY, DROP, False),
        # rules of two dialects have but comments in common
        (ACCEPTS, NATIVE, True), (replace(ACCEPTS, comment="a"), NATIVE, True),
        (replace(ACCEPTS, comment="a"), replace(NATIVE, comment="a"), True),
        (replace(ACCEPTS, comment="a"), replace(NATIVE, comment="b"), False),
    ],
)  # fmt: skip
def test_the_same_rule(old: Rule | None, new: Rule | None, same: bool) -> None:
    assert same_rule(old, new) is same
    assert same_rule(new, old) is same


def test_what_flows_have_in_common_that_are_told_as_one() -> None:
    old, first = treatment(stopped(DROP), NODE), treatment(PASSED, NODE)
    assert likeness(Aspect.ALLOW, old, first) == likeness(Aspect.ALLOW, old, treatment(MUTE, NODE))
    other = treatment(replace(PASSED, rule=ACCEPTS), NODE)
    assert likeness(Aspect.ALLOW, old, first) != likeness(Aspect.ALLOW, old, other)
    marked = treatment(on(replace(WAY, mark=3)), NODE)
    assert likeness(Aspect.WAY, first, marked) != likeness(Aspect.WAY, first, treatment(on(replace(WAY, mark=4)), NODE))
