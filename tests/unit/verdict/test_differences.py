"""What else must hold of a cell whose verdict is right; each difference is one sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.record.observation import Arrival, Conntrack, Milestone
from lab.record.path import Path
from lab.record.verdict import Kind, Verdict
from lab.ruleset.describe import described
from lab.ruleset.held_save import held_rule
from lab.ruleset.save import read_save
from lab.verdict.differences import all_differences
from lab.written.expect.arrives import ArrivesSpec
from lab.written.expect.conntrack import ConntrackSpec
from lab.written.expect.leaves import LeavesSpec
from lab.written.expect.logged import LoggedSpec
from tests.unit.verdict.made import SYN, SYN_ACK, cell, dropped, observed, passed, rule, step, verdict

LOG = rule("tell", "LOG", options='--log-prefix "edge-drop "', number=1)
NFLOG = rule(None, "NFLOG", options='--nflog-prefix "to-nflog"', number=2)
OPEN = rule("open", number=3)
ARRIVED = Arrival("server", "10.0.2.10", 8443, "10.0.1.10", 40000)
ENTRY = Conntrack("gateway", "ESTABLISHED", ("SEEN_REPLY", "ASSURED"), 5, 432000, SYN, SYN_ACK, 7, 0, "ftp", (3, 40), 4)


def seen(path: Path | None = None, **keys: Any) -> Verdict:
    way = path or passed(LOG, NFLOG, OPEN, out="right", mark=2)
    observation = observed(way, stage=Milestone.ANSWERED, arrived=ARRIVED, conntrack=(ENTRY,))
    return verdict(Kind.ALLOWED, observation=observation, rule=keys.pop("rule", OPEN), **keys)


def differences(of: Verdict | None = None, **expect: Any) -> tuple[str, ...]:
    return all_differences(cell(**expect), of or seen())


def entry_says(written: dict[str, Any]) -> ConntrackSpec:
    """What stands after ``conntrack:`` in a row."""
    return ConntrackSpec.model_validate(written)


HOLDS: list[dict[str, Any]] = [
    {}, {"rule": "open"}, {"rule": "filter:FORWARD:3"}, {"through": ("tell", "open")}, {"arrives": ArrivesSpec()},
    {"logged": LoggedSpec(prefix="edge-drop ")}, {"logged": LoggedSpec(prefix="to-nflog")},
    {"arrives": ArrivesSpec(at=("other", "server"))},
    {"arrives": ArrivesSpec(at=("server",), address="10.0.2.10", port=8443)},
    {"arrives": ArrivesSpec(source="10.0.1.10")}, {"arrives": ArrivesSpec(source="kept")},
    {"leaves": LeavesSpec(via="right", mark=2)},
    {"conntrack": ConntrackSpec(state="ESTABLISHED", assured=True, mark=5)},
    {"conntrack": entry_says({"state": "Established", "status": "seen-reply", "zone": 7, "helper": "ftp"})},
    {"conntrack": entry_says({"labels": [40, 3], "count": 4, "timeout": 432_000})},
]  # fmt: skip
MET = "it met the prefixes 'edge-drop ', 'to-nflog'"
DIFFERS: list[tuple[dict[str, Any], str]] = [
    ({"rule": "another"}, "must be decided by rule another, but was by gateway filter:FORWARD:3 (open)"),
    ({"rule": "filter:FORWARD:4"}, "must be decided by rule filter:FORWARD:4, but was by gateway filter:FORWARD:3 (open)"),
    ({"through": ("tell", "dnat")}, "must go through rule dnat, but did not"),
    ({"logged": LoggedSpec(prefix="edge")}, "must be logged with prefix 'edge', but met no such LOG or NFLOG rule; " + MET),
    ({"arrives": ArrivesSpec(at=("web",))}, "must arrive at node web, but arrived at node server"),
    ({"arrives": ArrivesSpec(address="10.0.2.11")}, "must arrive at address 10.0.2.11, but arrived at address 10.0.2.10"),
    ({"arrives": ArrivesSpec(port=443)}, "must arrive at port 443, but arrived at port 8443"),
    ({"arrives": ArrivesSpec(source="10.0.2.1")}, "must arrive from 10.0.2.1, but arrived from 10.0.1.10"),
    ({"leaves": LeavesSpec(via="left")}, "must leave gateway via left, but left via right"),
    ({"leaves": LeavesSpec(mark=0)}, "must leave gateway with mark 0, but left with 2"),
    ({"conntrack": ConntrackSpec(state="SYN_SENT")}, "conntrack state must be SYN_SENT, but is ESTABLISHED"),
    ({"conntrack": ConntrackSpec(assured=False)}, "conntrack must not be ASSURED, but its status is SEEN_REPLY ASSURED"),
    ({"conntrack": ConntrackSpec(mark=0)}, "conntrack mark must be 0, but is 5"),
    ({"conntrack": entry_says({"state": "new"})}, "conntrack state must be NEW, but is ESTABLISHED"),
    ({"conntrack": entry_says({"state": "related"})}, "conntrack state must be RELATED, but is ESTABLISHED"),
    ({"conntrack": entry_says({"state": "UNTRACKED"})}, "conntrack state must be UNTRACKED, but is ESTABLISHED"),
    ({"conntrack": entry_says({"status": ["UNREPLIED", "ASSURED"]})},
     "conntrack status must have UNREPLIED, but is SEEN_REPLY ASSURED"),
    ({"conntrack": entry_says({"zone": 0})}, "conntrack zone must be 0, but is 7"),
    ({"conntrack": entry_says({"helper": "none"})}, "conntrack helper must be none, but is ftp"),
    ({"conntrack": entry_says({"labels": []})}, "conntrack labels must be none, but are 3, 40"),
    ({"conntrack": entry_says({"count": 3})}, "conntrack must hold 3 of its source's flows, but the count is 4"),
]  # fmt: skip


@pytest.mark.parametrize("expect", HOLDS, ids=str)
def test_what_holds(expect: dict[str, Any]) -> None:
    assert differences(**expect) == ()


@pytest.mark.parametrize(("expect", "sentence"), DIFFERS, ids=[sentence for _, sentence in DIFFERS])
def test_what_differs(expect: dict[str, Any], sentence: str) -> None:
    assert differences(**expect) == (sentence,)


def test_each_of_several() -> None:
    found = differences(rule="another", through=("dnat",), arrives=ArrivesSpec(at=("web",), port=1), leaves=LeavesSpec(mark=9))
    assert len(found) == 5
    assert [sentence.partition(",")[0] for sentence in found] == [
        "must be decided by rule another", "must go through rule dnat", "must arrive at node web", "must arrive at port 1",
        "must leave gateway with mark 9",
    ], "what decided comes before what became of it"  # fmt: skip


def test_no_rule_decided() -> None:
    assert differences(seen(rule=None), rule="open") == ("must be decided by rule open, but no rule of gateway decided",)


def test_a_policy_is_named_by_its_place() -> None:
    policy = rule(target="DROP", number=None)
    assert differences(seen(rule=policy), rule="filter:FORWARD policy") == ()
    assert differences(seen(rule=policy), rule="filter:FORWARD:1") != ()


def test_no_receiver_saw_it() -> None:
    bare = verdict(observation=observed(passed(OPEN)), rule=OPEN)
    assert differences(bare, arrives=ArrivesSpec(at=("server",))) == (
        "must be seen by its receiver, but no receiver of the lab saw it",
    )


def test_kept_after_source_nat() -> None:
    hidden = observed(passed(OPEN), arrived=ARRIVED._replace(source="10.0.2.1"))
    assert differences(verdict(observation=hidden), arrives=ArrivesSpec(source="kept")) == (
        "must arrive from 10.0.1.10, but arrived from 10.0.2.1",
    )


def test_no_entry_and_an_entry_elsewhere() -> None:
    wanted = ConntrackSpec(state="ESTABLISHED")
    elsewhere = observed(passed(OPEN), conntrack=(ENTRY._replace(node="second"),))
    for observation in (observed(passed(OPEN)), elsewhere):
        assert differences(verdict(observation=observation), conntrack=wanted) == (
            "must have a conntrack entry at gateway, but has none",
        )


@pytest.mark.parametrize(("written", "left_s", "elapsed_s", "holds"), [
    (120, 120, 0.0, True), (120, 119, 0.4, True), (120, 118, 0.4, False), (120, 90, 31.0, True), (120, 121, 0.0, False),
    ({"min": 100, "max": 120}, 100, 0.0, True), ({"min": 100, "max": 120}, 98, 0.5, False),
    ({"max": 120}, 0, 0.0, True), ({"min": 100}, 4000, 0.0, True), (0, 0, 0.0, True),
])  # fmt: skip
def test_a_timeout_is_counted_from_the_last_packet(written: Any, left_s: int, elapsed_s: float, *, holds: bool) -> None:
    entry = ENTRY._replace(timeout_s=left_s)
    told = differences(
        verdict(observation=observed(passed(OPEN), conntrack=(entry,), probe_us=elapsed_s * 1e6)),
        conntrack=entry_says({"timeout": written}),
    )
    assert (told == ()) is holds, told


def test_what_came_by_untracked_has_no_entry() -> None:
    wanted = {"conntrack": entry_says({"state": "UNTRACKED"})}
    assert differences(verdict(observation=observed(passed(OPEN))), **wanted) == ()
    elsewhere = verdict(observation=observed(passed(OPEN, node="second", out="right")))
    assert "must be UNTRACKED at gateway, but did not come by there" in differences(elsewhere, **wanted)
    of_answer = observed(passed(OPEN), conntrack=(ENTRY._replace(state="NEW", original=SYN_ACK, reply=SYN),))
    assert differences(verdict(observation=of_answer), **wanted) == (
        "conntrack state must be UNTRACKED, but is NEW by its answer",
    )


def test_a_count_that_nobody_asked_for_is_not_known() -> None:
    uncounted = observed(passed(OPEN), conntrack=(ENTRY._replace(of_source=None),))
    assert differences(verdict(observation=uncounted), conntrack=entry_says({"count": 1})) == (
        "conntrack must hold 1 of its source's flows, but the count is not known",
    )


def test_not_seen_at_the_node_under_test() -> None:
    other = verdict(observation=observed(passed(OPEN, node="second", out="right")))
    assert differences(other) == ("must be decided at gateway, but its packets never came there",)
    assert differences(other, leaves=LeavesSpec(via="right"))[1:] == ("must leave gateway, but was not seen there",)


def test_a_comment_that_looks_like_a_prefix_logs_nothing() -> None:
    commented = rule("edge-drop ", "DROP", options='-m comment --comment "edge-drop "')
    assert differences(seen(passed(commented)), logged=LoggedSpec(prefix="edge-drop ")) != ()


def test_through_looks_at_every_node() -> None:
    way = observed(passed(OPEN), passed(rule("later", node="second"), node="second"))
    assert differences(verdict(observation=way), through=("open", "later")) == ()


def test_a_rule_that_led_to_the_chain_that_denied_may_be_named() -> None:
    led = rule("bad-flags", "LOGDROP", number=7)
    deny = rule(target="DROP", chain="LOGDROP", number=2)
    path = replace(dropped(deny), steps=(step(led, "jump LOGDROP"), step(deny, "drop")))
    found = verdict(Kind.DROPPED, observation=observed(path), rule=deny)
    for named in ("bad-flags", "filter:FORWARD:7", "filter:LOGDROP:2"):
        assert differences(found, action="drop", rule=named) == ()
    (sentence,) = differences(found, action="drop", rule="bad-source")
    assert sentence == "must be decided by rule bad-source, but was by gateway filter:LOGDROP:2"


def test_a_rule_that_led_to_a_chain_that_accepted_did_not_decide() -> None:
    led = rule("to-web", "WEB", number=7)
    opened = rule("web", chain="WEB", number=2)
    path = replace(passed(opened), steps=(step(led, "jump WEB"), step(opened, "accept")))
    found = verdict(observation=observed(path), rule=opened)
    assert differences(found, rule="web") == ()
    assert differences(found, rule="to-web") != ()


def test_a_second_comment_is_one_too() -> None:
    text = '*filter\n-A FORWARD -m comment --comment cali:x1 -m comment --comment "Policy web" -j ACCEPT\nCOMMIT\n'
    (saved,) = read_save(text).rules()
    twice = described("gateway", held_rule("ip", saved))
    assert (twice.comment, twice.further_comments) == ("cali:x1", ("Policy web",))
    found = seen(rule=twice)
    assert differences(found, rule="Policy web") == differences(found, rule="cali:x1") == ()
    assert differences(found, rule="Policy") != ()
    met = verdict(observation=observed(passed(twice)), rule=twice)
    assert differences(met, through=("cali:x1", "Policy web")) == ()
    assert differences(met, through=("Policy",)) != ()
