"""All that denies a flow, one behind the other."""

from __future__ import annotations

import pytest

from lab.probe.question import Datagram, Handshake, Question
from lab.record.difference import Flow
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.study.blockers import blockers
from lab.study.diff.blocked import with_blockers
from tests.kernel.diffs import ANSWERS, OFFICE, WEB, asking, compared, forward, scene
from tests.kernel.scenes import rendered, rulesets, table

pytestmark = pytest.mark.kernel

ON_BOTH_BACKENDS = True
TO_WEB = Question("office", OFFICE, WEB, Handshake(443), receivers=(("web", 443),))
DENIALS = (
    "-A FORWARD -d 10.7.2.10/32 -j own",
    '-A FORWARD -p tcp -m tcp --dport 443 -m comment --comment "the second" -j REJECT --reject-with tcp-reset',
    "-A own -i eth0 -p udp -j DROP",
    "-A own -i eth0 -p tcp -j DROP",
)


def told(policy: Rulesets, backend: Backend, question: Question = TO_WEB) -> list[str]:
    return [rule.place for rule in blockers(scene(policy), backend, "gateway", question)]


def test_each_rule_that_would_deny_it_as_well(backend: Backend) -> None:
    policy = rulesets(
        table("raw", "-A PREROUTING -s 10.7.1.9/32 -p tcp -j DROP")
        + table("filter", ANSWERS, *DENIALS, FORWARD="DROP", own="-")
        + table("mangle", "-A POSTROUTING -o eth1 -j DROP")
    )
    found = blockers(scene(policy), backend, "gateway", TO_WEB)
    assert [rule.place for rule in found] == [
        "raw:PREROUTING:1", "filter:own:2", "filter:FORWARD:3", "filter:FORWARD policy",
        "mangle:POSTROUTING:1",
    ]  # fmt: skip
    # as they stand in the policy, with line and comment
    assert (found[2].comment, found[2].source) == ("the second", "gateway.rules:13")
    assert found[1].source == "gateway.rules:15"


def test_a_flow_in_place_of_a_question(backend: Backend) -> None:
    policy = forward("-A FORWARD -p udp --sport 5353 -j DROP", policy="ACCEPT")
    flow = Flow("office", OFFICE, WEB, "udp/5353", 4, sport=5353)
    assert [rule.place for rule in blockers(scene(policy), backend, "gateway", flow)] == ["filter:FORWARD:2"]
    assert blockers(scene(policy), backend, "gateway", flow._replace(sport=None)) == ()


def test_two_rules_of_one_chain_keep_their_places(backend: Backend) -> None:
    policy = forward("-A FORWARD -s 10.7.1.9 -j DROP", "-A FORWARD -p tcp --dport 80 -j DROP",
                     "-A FORWARD -p tcp --dport 443 -j DROP", policy="ACCEPT")  # fmt: skip
    assert told(policy, backend) == ["filter:FORWARD:2", "filter:FORWARD:4"]


def test_what_stops_the_answer(backend: Backend) -> None:
    policy = rulesets(table("filter", "-A FORWARD -i eth0 -j ACCEPT", "-A FORWARD -i eth1 -p udp -j DROP", FORWARD="DROP"))
    udp = Question("office", OFFICE, WEB, Datagram(53), receivers=(("web", 53),))
    assert told(policy, backend, udp) == ["filter:FORWARD:2", "filter:FORWARD policy"]


def test_what_passes_and_what_has_no_policy(backend: Backend) -> None:
    assert told(forward("-A FORWARD -i eth0 -j ACCEPT"), backend) == []
    assert blockers(scene(forward()), backend, "web", TO_WEB) == ()


def test_no_more_than_eight(backend: Backend) -> None:
    policy = forward(*["-A FORWARD -p tcp -j DROP"] * 10)
    assert told(policy, backend) == [f"filter:FORWARD:{number}" for number in range(2, 10)]


SCRIPT = """table inet first {
    chain forward {
        type filter hook forward priority -10; policy accept;
        ip saddr {
            10.7.1.8,
            10.7.1.9
        } drop
    }
}
table inet second {
    set web { type ipv4_addr; elements = { 10.7.2.10 } }
    chain input { type filter hook input priority 0; policy drop; }
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        ip daddr @web tcp dport 443 counter reject with tcp reset comment "by set"
    }
}
"""


def test_rules_of_a_script() -> None:
    policy = Rulesets(nft=rendered(SCRIPT, "gateway.nft"))
    found = blockers(scene(policy), Backend.NFT, "gateway", TO_WEB)
    assert [rule.place for rule in found] == ["first:forward:1", "second:forward:2", "second:forward policy"]
    assert found[1].comment == "by set"


def test_a_rule_that_no_copy_can_be_without_is_the_last_one_told() -> None:
    one_line = "table inet t { chain forward { type filter hook forward priority 0; policy drop; tcp dport 443 drop; }; }"
    policy = Rulesets(nft=rendered(f"{one_line}\n", "gateway.nft"))
    assert told(policy, Backend.NFT) == ["t:forward:1"]


def test_differences_tell_what_else_denies_them() -> None:
    old = forward(policy="ACCEPT")
    new = forward("-A FORWARD -p tcp --dport 443 -j DROP", "-A FORWARD -d 10.7.2.10 -j REJECT", policy="ACCEPT")
    report = compared(old, new, proposer=asking("office > 10.7.2.10 tcp/443", "office > 10.7.2.10 tcp/80"))
    told = with_blockers(report, scene(new), Backend.NFT)
    assert [(one.flow.service, [rule.place for rule in one.new.then], one.old.then) for one in told.differences] == [
        ("tcp/443", ["filter:FORWARD:3"], ()), ("tcp/80", [], ()),
    ]  # fmt: skip
    assert told.notes == report.notes
    assert with_blockers(report, scene(new), Backend.NFT, most=0) == report
    late = with_blockers(report, scene(new), Backend.NFT, clock=iter([0.0, 1.0, 11.0]).__next__)
    assert [len(one.new.then) for one in late.differences] == [1, 0]
    assert late.notes[-1].startswith("what else denies them was asked of 1 of the 2 classes that close")
    assert with_blockers(compared(new, old, proposer=asking("office > 10.7.2.10 tcp/443")), scene(old), Backend.NFT).notes == ()
