"""An answer that did not come back: what is said needs what was seen, and without it nothing is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.record.lead import Lead
from lab.record.packet import Packet
from lab.record.path import End
from lab.record.verdict import Kind
from lab.ruleset.held import Chains, HeldChain
from lab.ruleset.held_text import rule_in_line
from lab.why.case import Case
from lab.why.ways_back import ways_back
from tests.unit.verdict.made import SYN, SYN_ACK, dropped, observed, passed, rule, verdict
from tests.unit.why.made import case

DNAT = rule("publish", "DNAT", table="nat", chain="PREROUTING")
INSIDE = SYN._replace(destination="10.0.2.10", dport=8443)
STRAY = SYN_ACK._replace(source="10.0.2.10", sport=8443)
ASKED = SYN._replace(destination="10.0.1.1")


def forward(*texts: str) -> Chains:
    """What FORWARD holds."""
    rules = []
    for number, text in enumerate(texts, start=1):
        read = rule_in_line("v4", text)
        assert read is not None
        rules.append(replace(read, family="ip", table="filter", number=number))
    chain = HeldChain("ip", "filter", "FORWARD", tuple(rules), "forward", "filter", "DROP")
    return {chain.key: chain}


def told(of: Case) -> str:
    return "\n".join(map(str, ways_back(of)))


def translated(**keys: Any) -> Case:
    way = passed(rule(), entry=ASKED, leaving=INSIDE)
    way = replace(way, steps=(replace_kind(way.steps[0]), *way.steps))
    seen = observed(way, sent=ASKED, reached="server", **keys)
    return case(verdict(Kind.UNANSWERED, observation=seen))


def replace_kind(step: Any) -> Any:
    return step._replace(hook="prerouting", table="nat", chain="PREROUTING", rule=DNAT, kind="nat")


def test_a_stray_answer_of_who_was_reached() -> None:
    words = told(translated(strays=(STRAY,)))
    assert "server answers client directly, past gateway" in words
    assert "client asked 10.0.1.1:443 and was answered by 10.0.2.10:8443" in words
    assert "not gateway's own address" not in words


@pytest.mark.parametrize("strays", [(), (STRAY._replace(source="10.0.2.99"),), (STRAY._replace(sport=22),)])
def test_without_it_nothing_is_said_of_a_way_past(strays: Any) -> None:
    assert "past gateway" not in told(translated(strays=strays))


def test_without_a_translation_too() -> None:
    seen = observed(passed(rule(), leaving=SYN), reached="server", strays=(SYN_ACK._replace(sport=9),))
    assert told(case(verdict(Kind.UNANSWERED, observation=seen))) == ""


@pytest.mark.parametrize(("refused", "said"), [("Network is unreachable", True), (None, False)])
def test_no_way_back_is_what_the_receiver_s_kernel_says(refused: str | None, said: bool) -> None:
    def ask(node: str, address: str, _source: str | None, _mark: int) -> Lead:
        return Lead(node, address, refused=refused)

    seen = observed(passed(rule(), leaving=SYN), reached="server")
    found = told(case(verdict(Kind.UNANSWERED, observation=seen), ask_route=ask))
    assert ("server has no way back to 10.0.1.10" in found) is said


def test_what_came_back_had_a_way() -> None:
    def ask(node: str, address: str, _source: str | None, _mark: int) -> Lead:
        return Lead(node, address, refused="Network is unreachable")

    back = passed(rule(), entry=SYN_ACK)
    seen = observed(passed(rule(), leaving=SYN), reached="server", answer=(back,))
    assert "no way back" not in told(case(verdict(Kind.UNANSWERED, observation=seen), ask_route=ask))


@pytest.mark.parametrize("out", ["lan", None])
def test_an_answer_by_the_interface_that_its_request_came_by(out: str | None) -> None:
    way = replace(passed(rule(), leaving=SYN), entered="lan", out="dmz", toward="dmz")
    back = replace(passed(rule(), entry=SYN_ACK), entered="dmz", out=out, toward=out)
    seen = observed(way, reached="server", answer=(back,))
    assert "leaves by" not in told(case(verdict(Kind.UNANSWERED, observation=seen)))


def test_by_another() -> None:
    way = replace(passed(rule(), leaving=SYN), entered="lan", out="dmz", toward="dmz")
    back = replace(passed(rule(), entry=SYN_ACK), entered="dmz", out="wan", toward="wan")
    seen = observed(way, reached="server", answer=(back,))
    words = told(case(verdict(Kind.UNANSWERED, observation=seen)))
    assert "the request came in to gateway by lan, but its answer leaves by wan" in words


def by_another(*texts: str, keeps: str = "", leaving: Any = None) -> str:
    """What is said of an answer by another interface at a node of these rules, the first of which the request may have met."""
    kept = replace(rule(), text=keeps) if keeps else rule()
    way = replace(passed(kept, leaving=SYN), entered="lan", out="dmz", toward="dmz")
    back = replace(passed(rule(), entry=SYN_ACK, leaving=leaving), entered="dmz", out="wan", toward="wan")
    seen = observed(way, reached="server", answer=(back,))
    return told(case(verdict(Kind.UNANSWERED, observation=seen), held={"gateway": forward(*texts)}))


def test_a_route_by_the_source_that_the_answer_has_where_it_is_looked_up() -> None:
    assert "`from 10.0.2.10 lookup TABLE`" in by_another()
    translated = by_another(leaving=SYN_ACK._replace(source="203.0.113.9"))
    assert "`from " not in translated, "it is translated back after that"
    assert translated.endswith(
        "but its answer leaves by wan: keep a mark of the flow (CONNMARK) and look that up (a routing rule "
        "`fwmark N lookup TABLE`): set for what comes in by lan, and restored for answers that come in by dmz"
    )


def test_a_mark_of_the_flow_that_no_rule_gives_to_packets() -> None:
    keeps = "-A PREROUTING -i lan -j CONNMARK --set-xmark 0x2/0xffffffff"
    words = by_another(keeps, keeps=keeps)
    assert "which no rule there does (`-t mangle -A PREROUTING -i dmz -j CONNMARK --restore-mark`)" in words
    assert '(`iifname "dmz" meta mark set ct mark` in a chain' in by_another(keeps="ct mark set 0x2")
    given = by_another(keeps, "-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff", keeps=keeps)
    assert "keep a mark of the flow (CONNMARK)" in given


def test_a_rule_for_answers_is_looked_for_where_the_answer_was_dropped() -> None:
    by = rule(target="DROP", number=None)
    seen = observed(passed(rule(), leaving=SYN), reached="server", answer=(dropped(by, entry=SYN_ACK),))
    failed = verdict(Kind.UNANSWERED, node="gateway", rule=by, observation=seen)
    none = forward("-A FORWARD -i lan -j ACCEPT")
    assert "no rule of forward there accepts ESTABLISHED" in told(case(failed, held={"gateway": none}))
    there = forward("-A FORWARD -i lan -j ACCEPT", "-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT")
    assert "no rule of forward" not in told(case(failed, held={"gateway": there}))


@pytest.mark.parametrize(("target", "options", "said"), [
    ("CT", "--notrack", True), ("ACCEPT", '-m comment --comment "no NOTRACK here"', False),
])  # fmt: skip
def test_who_takes_the_flow_from_conntrack(target: str, options: str, said: bool) -> None:
    before = rule(target=target, options=options if target == "ACCEPT" else "", table="raw", chain="PREROUTING")
    before = replace(before, text=f"{before.text} {options}") if target == "CT" else before
    by = rule(target="DROP", number=None)
    seen = observed(passed(before, rule(), leaving=SYN), reached="server", answer=(dropped(by, entry=SYN_ACK),))
    failed = verdict(Kind.UNANSWERED, node="gateway", rule=by, observation=seen)
    assert ("takes the flow from conntrack" in told(case(failed))) is said


@pytest.mark.parametrize(("hook", "kind"), [("ingress", "filter"), ("prerouting", "raw")])
def test_no_rule_for_answers_is_asked_for_before_conntrack(hook: str, kind: str) -> None:
    stopped = dropped(by := rule("bogons", "DROP"), entry=SYN_ACK)
    stopped = replace(stopped, steps=(stopped.steps[0]._replace(hook=hook, kind=kind),))
    seen = observed(passed(rule(), leaving=SYN), reached="server", answer=(stopped,))
    words = told(case(verdict(Kind.UNANSWERED, node="gateway", rule=by, observation=seen), held={"gateway": forward()}))
    assert "where conntrack has not looked at the packet yet: nothing is ESTABLISHED there" in words
    assert words.endswith(": let it not match what comes from 10.0.2.10, or ask that in a chain behind conntrack")


def test_nothing_is_said_of_what_came_through_or_was_to_be_denied() -> None:
    seen = observed(passed(rule(), leaving=SYN, end=End.LEFT), reached="server", strays=(STRAY,))
    assert told(case(verdict(Kind.ALLOWED, observation=seen))) == ""
    assert told(case(verdict(Kind.UNANSWERED, observation=seen), "drop")) == ""


SNAT = rule("hide", "SNAT", table="nat", chain="POSTROUTING")
FOREIGN = SYN._replace(source="10.0.2.99")


def hidden(leaving: Packet, **keys: Any) -> Case:
    way = passed(rule(), leaving=leaving)
    way = replace(way, steps=(*way.steps, replace_kind(way.steps[0])._replace(hook="postrouting", rule=SNAT)))
    return case(verdict(Kind.UNANSWERED, observation=observed(way, reached="server", **keys)))


def test_a_source_that_nobody_has() -> None:
    words = told(hidden(FOREIGN))
    assert "hide) (" in words
    assert "translated its source to 10.0.2.99, which nobody has: server has nowhere to send its answer" in words
    assert words.endswith("translate to an address of gateway, 10.0.2.1")


def test_a_source_that_somebody_has_or_that_was_answered() -> None:
    assert "nobody has" not in told(hidden(SYN._replace(source="10.0.2.1")))
    answer = SYN_ACK._replace(destination="10.0.2.99")
    assert "nobody has" not in told(hidden(FOREIGN, answer=(dropped(rule("late", "DROP"), entry=answer),)))
