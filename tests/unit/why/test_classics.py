"""The classic mistakes, named."""

from __future__ import annotations

from dataclasses import replace

from lab.record.observation import Unresolved
from lab.record.packet import Packet
from lab.record.path import End, Path, Rule, Step
from lab.record.session import Session
from lab.record.verdict import Kind, Verdict
from lab.why.classics import classics
from tests.unit.verdict.made import SYN, dropped, observed, passed, rule, verdict
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


def test_a_server_that_is_not_there_is_to_be_served() -> None:
    seen = replace(observed(passed(rule("open"))), session=Session("ftp/passive"))
    (hint,) = told(verdict(Kind.CLOSED, observation=seen))
    assert hint.endswith("its server says `programs: [{serve: ftp}]` in the topology, or runs one of its own")


def test_a_session_that_came_to_another_host_is_not_told_to_say_where_it_arrives() -> None:
    closed = verdict(Kind.CLOSED, observation=observed(passed(rule("open"))))
    (hint,) = map(str, classics(case(closed, later="data")))
    assert hint.startswith("the data came as 10.0.1.10:40000 > 10.0.2.10:443 to a host that knows no such connection")
    assert "arrives" not in hint


def test_an_answer_that_no_rule_dropped_has_no_such_hint() -> None:
    assert told(verdict(Kind.UNANSWERED, node=None, rule=rule("open"))) == ()


def test_what_was_bridged_past_the_rules_is_not_said_to_have_none() -> None:
    past = observed(passed(bridged=True, out="tap2"))
    (hint,) = told(verdict(Kind.ALLOWED, observation=past), "drop")
    assert hint.startswith("gateway bridged it past the rules of iptables: bridge-nf-call-iptables is 0")
    assert "`bridge-nf: true`" in hint
    assert told(verdict(Kind.ALLOWED, observation=past)) == ()
    by = rule("frames", "DROP")
    stopped_there = observed(replace(dropped(by), bridged=True))
    assert told(verdict(Kind.DROPPED, observation=stopped_there, rule=by), "drop") == ()
    assert "has no rules for IPv4" in "".join(told(verdict(Kind.ALLOWED, observation=observed(passed())), "drop"))


def test_what_was_handed_to_a_program() -> None:
    by = Rule("gateway", "filter", "FORWARD", 2, "-A FORWARD -j NFQUEUE --queue-num 3", target="NFQUEUE", queue="3")
    way = Path("gateway", SYN, (Step("forward", "filter", "FORWARD", by, "queue"),), End.QUEUED)
    queued = verdict(Kind.CONSUMED, observation=observed(way))
    (hint,) = told(queued)
    assert hint.startswith("gateway filter:FORWARD:2 (`-A FORWARD -j NFQUEUE --queue-num 3`) hands it to a program of the host")
    assert "`--queue-bypass`" in hint
    assert told(queued, "drop") == ()
    left = replace(way, end=End.LEFT)
    assert told(verdict(Kind.LOST, observation=observed(left))) == ()


def test_neighbour_discovery_in_the_words_of_who_dropped_it() -> None:
    asked = Packet(6, 58, "fe80::1", None, "ff02::1:ff00:1", None, 135)
    for text, chain, words in (
        ("-P INPUT DROP", "INPUT and OUTPUT", "`-p icmpv6 --icmpv6-type 135`, `136`"),
        ("policy drop", "input", "`icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept`"),
    ):
        by = replace(rule(), text=text, number=None, chain="input", family="inet")
        asker = (Unresolved("client", "2001:db8::1", "gateway"),)
        seen = replace(observed(), unresolved=asker, others=(dropped(by, entry=asked),))
        (hint,) = told(verdict(Kind.UNROUTED, observation=seen))
        assert hint.endswith(f": {chain} must accept neighbour-solicitation and neighbour-advertisement ({words})")
        assert told(verdict(Kind.UNROUTED, observation=replace(seen, unresolved=()))) == ()
