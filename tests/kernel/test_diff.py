"""Two policies of one node: each kind of difference is found where it is, and none where there is none."""

from __future__ import annotations

import pytest

from lab.record.difference import Aspect, Difference
from lab.record.verdict import Kind
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.study.diff import sample
from lab.study.diff.modelled import modelled
from tests.kernel.diffs import ANSWERS, LEGACY, NFT, OFFICE, OUTER, WEB, asking, compared, forward
from tests.kernel.scenes import rendered, rulesets, table

pytestmark = pytest.mark.kernel

WEB_FROM = '-A FORWARD -s {} -d 10.7.2.10 -p tcp -m tcp --dport 443 -m comment --comment "web owner=net-sec CHG-7" -j ACCEPT'


def only(old: Rulesets, new: Rulesets, aspect: Aspect, *flows: str) -> Difference:
    """The first difference of a pair all of whose differences are of one aspect; ``flows`` are asked, or else samples."""
    report = compared(old, new, proposer=asking(*flows) if flows else None)
    assert {one.aspect for one in report.differences} == {aspect}, report.differences
    assert report.exit_code == 1
    return report.differences[0]


def test_a_widened_prefix_opens() -> None:
    report = compared(forward(WEB_FROM.format("203.0.113.0/25")), forward(WEB_FROM.format("203.0.113.0/24")))
    first = report.differences[0]
    assert (first.aspect, first.opens, first.closes) == (Aspect.ALLOW, True, False)
    assert (first.old.verdict.kind, first.new.verdict.kind) == (Kind.DROPPED, Kind.ALLOWED)
    assert {"203.0.113.128", "203.0.113.255"} == set(first.of.sources)
    assert (first.new.owner, first.new.ticket, first.old.owner) == ("net-sec", "CHG-7", None)
    # what both let through is let through by a rule that now says otherwise
    assert [one.aspect for one in report.differences] == [Aspect.ALLOW, Aspect.RULE]
    assert report.reached.sampled
    assert report.reached.asked >= 20


def test_answers_that_are_let_through_no_more() -> None:
    old = rulesets(table("filter", ANSWERS, "-A FORWARD -i eth0 -j ACCEPT", FORWARD="DROP"))
    new = rulesets(table("filter", "-A FORWARD -i eth0 -j ACCEPT", FORWARD="DROP"))
    one = only(old, new, Aspect.ALLOW)
    assert one.closes
    assert (one.new.verdict.kind, one.flow.node) == (Kind.UNANSWERED, "office")
    assert one.new.rule is not None
    assert one.new.rule.place == "filter:FORWARD policy"


def test_the_policy_of_a_chain() -> None:
    report = compared(forward(policy="ACCEPT"), forward(policy="DROP"))
    assert {(one.aspect, one.closes) for one in report.differences} == {(Aspect.ALLOW, True)}


def test_drop_against_reject_and_its_kind() -> None:
    dropped = forward("-A FORWARD -p tcp --dport 25 -j DROP")
    reset = forward("-A FORWARD -p tcp --dport 25 -j REJECT --reject-with tcp-reset")
    admin = forward("-A FORWARD -p tcp --dport 25 -j REJECT --reject-with icmp-admin-prohibited")
    for old, new in ((dropped, reset), (reset, admin)):
        one = only(old, new, Aspect.REFUSAL, "office > 10.7.2.10 tcp/25", "office > 10.7.2.10 tcp/24")
        assert one.flow.service == "tcp/25"
        assert not one.opens
        assert not one.closes


def nat(*rules: str) -> Rulesets:
    return rulesets(table("nat", *rules))


PUBLISHED = f"-A PREROUTING -d {OUTER} -p tcp --dport 443 -j DNAT --to-destination"
OUTWARD = "-A POSTROUTING -s 10.7.1.0/24 -o ppp0 -p udp -j"


@pytest.mark.parametrize(
    ("old", "new", "asked"),
    [
        (f"{PUBLISHED} 10.7.2.10:8443", f"{PUBLISHED} 10.7.2.10:8444", f"internet > {OUTER} tcp/443"),
        (f"{PUBLISHED} 10.7.2.10", f"{PUBLISHED} 10.7.2.25", f"internet > {OUTER} tcp/443"),
        (f"{OUTWARD} MASQUERADE", f"{OUTWARD} SNAT --to-source 198.51.100.3", "office > 192.0.2.9 udp/53"),
        (f"{OUTWARD} SNAT --to-source {OUTER}:3000-3009", f"{OUTWARD} SNAT --to-source {OUTER}:5000-5009",
         "office > 192.0.2.9 udp/53"),
    ],
    ids=["port", "address", "source", "source-port"],
)  # fmt: skip
def test_a_translation_to_elsewhere(old: str, new: str, asked: str) -> None:
    one = only(nat(old), nat(new), Aspect.TRANSLATION, asked)
    assert one.old.verdict.path[0].translated_by
    assert one.new.verdict.path[0].translated_by


def test_masquerading_at_random_is_no_difference_of_ports() -> None:
    old, new = (
        nat(f"-A POSTROUTING -o ppp0 -m comment --comment {name} -j MASQUERADE --random-fully") for name in ("a", "b")
    )
    asked = asking("office > 192.0.2.9 tcp/80", "office > 192.0.2.9 udp/53")
    assert compared(old, new, proposer=asked).differences == ()


def test_a_mark() -> None:
    old, new = (
        rulesets(table("mangle", f"-A PREROUTING -i eth0 -p udp --dport 53 -j MARK --set-xmark {mark}/0xffffffff"))
        for mark in ("0x1", "0x2")
    )
    one = only(old, new, Aspect.WAY)
    assert (one.old.verdict.path[0].mark, one.new.verdict.path[0].mark) == (1, 2)
    assert one.flow.service == "udp/53"


def test_a_log_prefix() -> None:
    old, new = (forward(f'-A FORWARD -p tcp --dport 23 -m limit --limit 1/hour --limit-burst 1 -j LOG --log-prefix "{text} "')
                for text in ("telnet", "old telnet"))  # fmt: skip
    asked = "office > 10.7.2.10 tcp/22", "office > 10.7.2.10 tcp/23", "office > 10.7.2.25 tcp/23"
    one = only(old, new, Aspect.LOG, *asked)
    # the log is limited, and each flow is asked as if it were the first
    assert (one.flow.service, set(one.of.destinations)) == ("tcp/23", {"10.7.2.10", "10.7.2.25"})


def test_a_renamed_comment() -> None:
    old, new = (forward(f"-A FORWARD -i eth0 -d 10.7.2.25 -m comment --comment {name} -j ACCEPT") for name in ("mail", "post"))
    one = only(old, new, Aspect.RULE)
    assert one.old.rule is not None
    assert one.new.rule is not None
    assert (one.old.rule.comment, one.new.rule.comment) == ("mail", "post")
    assert one.flow.source == OFFICE


def test_an_element_of_an_ipset() -> None:
    rule = table("filter", ANSWERS, "-A FORWARD -m set --match-set partners src -d 10.7.2.10 -j ACCEPT", FORWARD="DROP")
    old, new = (
        Rulesets(v4=rendered(rule), ipset=rendered(f"create partners hash:net\n{elements}", "gateway.ipset"))
        for elements in ("add partners 203.0.113.8/29\n", "add partners 203.0.113.8/29\nadd partners 192.0.2.64/26\n")
    )
    one = only(old, new, Aspect.ALLOW)
    assert one.opens
    assert {"192.0.2.64", "192.0.2.127"} <= set(one.of.sources)
    assert one.flow.destination == WEB


def test_two_rules_that_change_places() -> None:
    first, second = "-A FORWARD -s 10.7.1.0/24 -p tcp -j ACCEPT", "-A FORWARD -p tcp --dport 22 -j DROP"
    one = only(forward(first, second), forward(second, first), Aspect.ALLOW)
    assert (one.closes, one.flow.service, one.flow.node) == (True, "tcp/22", "office")


def test_nothing_is_denied_or_hidden_where_one_side_has_no_rules() -> None:
    report = compared(rulesets(table("filter")), forward("-A FORWARD -i eth0 -j ACCEPT"))
    assert {(one.aspect, one.closes) for one in report.differences if one.aspect is Aspect.ALLOW} == {(Aspect.ALLOW, True)}


def test_rules_that_remember_are_asked_afresh() -> None:
    """Only the fourth connection of a minute is refused, on either side: the first of each flow is compared."""
    old, new = (
        forward(
            "-A FORWARD -p tcp --dport 22 -m recent --update --seconds 60 --hitcount 3 --name ssh -j DROP",
            "-A FORWARD -p tcp --dport 22 -m recent --set --name ssh",
            f"-A FORWARD -p tcp --dport {ports} -j ACCEPT",
        )
        for ports in ("22", "22:23")
    )  # fmt: skip
    asked = asking(*(f"office > 10.7.2.{host} tcp/{port}" for host in (10, 25) for port in (22, 23)))
    report = compared(old, new, proposer=asked)
    assert {one.flow.service for one in report.differences if one.aspect is Aspect.ALLOW} == {"tcp/23"}


@pytest.mark.parametrize("backends", [(NFT, LEGACY), (LEGACY, NFT)], ids=["legacy", "nft"])
def test_both_backends_do_the_same(backends: tuple[Backend, Backend], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "MOST", 80)
    monkeypatch.setattr(sample, "AT_RANDOM", 20)
    policy = rulesets(
        table("nat", f"{PUBLISHED} {WEB}:8443", "-A POSTROUTING -o ppp0 -j MASQUERADE")
        + table("filter", ANSWERS, '-A FORWARD -d 10.7.2.10 -p tcp --dport 8443 -j LOG --log-prefix "web "',
                "-A FORWARD -d 10.7.2.10 -p tcp --dport 8443 -j ACCEPT", "-A FORWARD -i eth0 -j ACCEPT",
                "-A FORWARD -j REJECT --reject-with icmp-port-unreachable")
    )  # fmt: skip
    report = compared(policy, policy, backends=backends)
    assert (report.differences, report.exit_code) == ((), 0)
    assert report.reached.asked > 50


def test_a_limit_that_is_added_closes_to_what_exceeds_it() -> None:
    old, new = (forward(f"-A FORWARD -d 10.7.2.10 -p icmp {limit}-j ACCEPT") for limit in ("", "-m limit --limit 1/hour "))
    report = compared(old, new, proposer=modelled)
    first = report.differences[0]
    assert (first.aspect, first.closes, len(first.rests_on)) == (Aspect.ALLOW, True, 1)
    assert report.reached.but_for == ("limit (1 rule)",)


def test_what_is_published_is_told_apart_from_the_server_behind_it() -> None:
    accept = table("filter", ANSWERS, "-A FORWARD -d 10.7.2.10 -p tcp --dport 443 -j ACCEPT", INPUT="DROP", FORWARD="DROP")
    old = rulesets(table("filter", ANSWERS, INPUT="DROP", FORWARD="DROP"))
    dnat = f"-A PREROUTING -d {OUTER} -p tcp --dport 8443 -j DNAT --to-destination {WEB}:443"
    report = compared(old, rulesets(table("nat", dnat) + accept), proposer=modelled)
    assert sorted((one.of.destinations, one.of.services) for one in report.differences if one.opens) == [
        (("10.7.2.10",), ("tcp/443",)), ((OUTER,), ("tcp/8443",)),
    ]  # fmt: skip
