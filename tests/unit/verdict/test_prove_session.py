"""What a session proves: of its control connection where that failed, else of its data connection, and it says both."""

from __future__ import annotations

from dataclasses import replace

from lab.record.observation import Arrival, Milestone, Observation
from lab.record.result import Outcome
from lab.record.session import Session
from lab.record.verdict import Kind
from lab.verdict.judge import judge
from lab.verdict.prove import prove
from tests.unit.verdict.made import SYN, cell, dropped, observed, passed, rule

CONTROL = SYN._replace(dport=21)
SAID = ("< 220 hello", "> USER anonymous", "< 331 more", "> PASS lab@", "< 230 in", "> PASV", "< 227 (10,0,2,10,156,69)")
FINE = observed(passed(rule(), entry=CONTROL), stage=Milestone.ANSWERED, sent=CONTROL)
DATA = SYN._replace(sport=40001, dport=40005)
POLICY = rule(target="DROP", number=None)


def session(data: Observation, **keys: object) -> Observation:
    return replace(data, session=Session("ftp/passive", SAID, **{"control": FINE, **keys}))  # type: ignore[arg-type]


def test_data_that_is_dropped_is_told_behind_a_control_connection_that_is_fine() -> None:
    verdict = prove(session(observed(dropped(POLICY, entry=DATA), sent=DATA)), "gateway")
    assert (verdict.kind, verdict.node, verdict.rule) == (Kind.DROPPED, "gateway", POLICY)
    assert verdict.proof == (
        "at the application: the control connection is fine (USER, PASS, PASV answered), "
        "the data connection to 10.0.2.10:40005 was dropped by gateway filter:FORWARD policy"
    )
    (told,) = judge(cell(), verdict).differences
    assert verdict.proof in told, "the failure says where it is"


def test_both_must_be_fine() -> None:
    arrived = Arrival("server", "10.0.2.10", 40005, "10.0.1.10", 40001)
    data = observed(passed(rule(), entry=DATA), stage=Milestone.ANSWERED, sent=DATA, arrived=arrived)
    verdict = prove(session(data), "gateway")
    assert verdict.allowed
    assert verdict.observation.asked == CONTROL, "what the row names is what was asked with"
    assert verdict.proof.endswith("and the data connection to 10.0.2.10:40005 came whole")
    blind = replace(FINE, faults=("the trace buffer overflowed",))
    assert prove(session(data, control=blind), "gateway").kind is Kind.LOST


def test_a_control_connection_that_failed_is_the_verdict() -> None:
    stopped = observed(dropped(POLICY, entry=CONTROL), sent=CONTROL)
    verdict = prove(replace(stopped, session=Session("ftp/passive")), "gateway")
    assert verdict.kind is Kind.DROPPED
    assert verdict.proof.startswith("at the control connection: the trace of this very SYN ends in a drop")


def test_a_server_that_refuses_is_no_answer() -> None:
    refused = session(FINE, control=None, refused="PORT was answered 501 foreign address")
    verdict = prove(refused, "gateway")
    assert (verdict.kind, verdict.packet) == (Kind.UNANSWERED, "data connection")
    assert verdict.proof.endswith("and there is no data connection: PORT was answered 501 foreign address")
    assert judge(cell("drop"), verdict).outcome is Outcome.FAIL_OPEN, "no rule refused it"


def test_a_list_that_brought_nothing_is_no_answer() -> None:
    arrived = Arrival("server", "10.0.2.10", 40005, "10.0.1.10", 40001)
    data = observed(passed(rule(), entry=DATA), stage=Milestone.DELIVERED, sent=DATA, arrived=arrived)
    verdict = prove(session(data, lacking="it carried nothing"), "gateway")
    assert verdict.kind is Kind.UNANSWERED
    assert verdict.proof.endswith("the data connection to 10.0.2.10:40005 is unanswered: it carried nothing")
