"""What follows the first packet of a flow, and is dropped where that passed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.record.observation import Conntrack, Milestone
from lab.record.packet import Packet
from lab.record.path import End
from lab.record.verdict import Kind
from lab.why.case import Case
from lab.why.denied import denied
from lab.why.established import cut_off, related
from tests.unit.verdict.made import ACK, SYN
from tests.unit.why.walks import failed, saved, table, told, way

NEW = "-A FORWARD -p tcp -m state --state NEW -j ACCEPT"


def cut(*rules: str, packet: str = "ACK", kind: Kind = Kind.DROPPED, action: str = "allow") -> Case:
    """The ACK of a handshake was dropped by the policy of FORWARD."""
    chains = saved(table(NEW, *rules))
    first = way(chains, "filter:FORWARD:1 accept", end=End.LEFT, exit=SYN)
    second = way(chains, "filter:FORWARD:policy drop", entry=ACK)
    case = failed(chains, first, kind=kind, action=action)
    seen = replace(case.verdict.observation, others=(second,), stage=Milestone.CONNECTED)
    verdict = replace(case.verdict, observation=seen, packet=packet, node="gateway", rule=second.dropped_by)
    return replace(case, verdict=verdict)


def test_the_ack_of_a_flow_that_was_let_in_new() -> None:
    (hint,) = told(cut_off, cut())
    assert hint == (
        "gateway let the request pass and dropped its ACK by gateway filter:FORWARD policy: no rule of forward there accepts "
        "ESTABLISHED: put one before it: `-I FORWARD 1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`"
    )


@pytest.mark.parametrize(("rule", "mend"), [
    ("-A FORWARD -i dmz -m state --state ESTABLISHED -j ACCEPT", "accept it by its state alone: `-I FORWARD 1"),
    ("-A FORWARD -m state --state ESTABLISHED -j ACCEPT", "--state ESTABLISHED -j ACCEPT`"),
])  # fmt: skip
def test_a_rule_that_accepts_established_and_not_this(rule: str, mend: str) -> None:
    (hint,) = told(cut_off, cut(rule))
    assert "accepts ESTABLISHED, but not this ACK" in hint
    assert mend in hint
    assert ("by its state alone" in hint) == ("dmz" in rule)


def test_what_did_not_follow_a_handshake() -> None:
    assert told(cut_off, cut(packet="SYN")) == []
    assert told(cut_off, cut(kind=Kind.UNANSWERED)) == []
    assert told(cut_off, cut(action="drop")) == []


def midst(*rules: str, later: str = "answer", tracked: bool = True) -> Case:
    """A packet of a flow under way was dropped by the policy of FORWARD, or by a rule of it."""
    chains = saved(table(*rules))
    case = failed(chains, way(chains, "filter:FORWARD:policy drop", entry=ACK))
    entry = Conntrack("gateway", "ESTABLISHED", (), 0, 100, SYN, ACK)
    seen = replace(case.verdict.observation, conntrack=(entry,) if tracked else ())
    return replace(case, verdict=replace(case.verdict, observation=seen), later=later)


def test_what_is_dropped_of_a_flow_under_way_is_not_told_to_be_accepted_as_its_first_packet() -> None:
    (hint,) = told(cut_off, midst("-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT"))
    assert "dropped its answer by gateway filter:FORWARD policy: no rule of forward there accepts ESTABLISHED" in hint
    assert told(denied, midst(NEW)) == []
    assert told(denied, midst(NEW, later="")) != []


def test_an_error_about_a_flow_is_told_to_be_related_and_nothing_else() -> None:
    case = midst("-A FORWARD -m state --state ESTABLISHED -j ACCEPT", later="ICMP error")
    error = Packet(4, 1, "10.0.2.10", None, "10.0.1.10", None, 3, 4)
    about = replace(case, verdict=replace(case.verdict, observation=replace(case.verdict.observation, sent=error)))
    assert told(cut_off, about) == []
    (hint,) = told(related, about)
    assert "accepts ESTABLISHED alone, and an ICMP error about a flow is RELATED to it" in hint


def test_a_flow_that_conntrack_has_forgotten_is_told() -> None:
    (hint,) = told(cut_off, midst("-A FORWARD -m state --state ESTABLISHED -j ACCEPT", tracked=False, later="data"))
    assert hint.startswith("conntrack of gateway does not know this flow by now, so its data is not ESTABLISHED")
