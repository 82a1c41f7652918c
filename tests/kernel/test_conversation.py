"""A flow that is held open over several steps, each proven by itself, while other things happen."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path as File

import pytest

from lab.kernel.watch.tracer import Overrun
from lab.lab import Lab
from lab.probe.conversation import Conversation
from lab.probe.question import ICMP, Datagram, Echo, Handshake, Question, Segment
from lab.record.observation import Observation
from lab.record.path import Path
from lab.record.verdict import Kind, Verdict
from lab.verdict.prove import prove
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, ESTABLISHED, FAR, NEAR, SERVER, corridor, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

NEW_WEB = "-A FORWARD -p tcp -m tcp --syn --dport 80 -m comment --comment web -j ACCEPT"
NEW_DNS = "-A FORWARD -p udp --dport 53 -m conntrack --ctstate NEW -m comment --comment dns -j ACCEPT"
PING = "-A FORWARD -p icmp -m comment --comment ping -j ACCEPT"
STATEFUL = table("filter", ESTABLISHED, NEW_WEB, NEW_DNS, PING, FORWARD="DROP")
WEB = Question("client", CLIENT, SERVER, Handshake(80), receivers=(("server", 80),))
DNS = Question("client", CLIENT, SERVER, Datagram(53), receivers=(("server", 53),))
ALLOWED = Kind.ALLOWED, None


def proven(observation: Observation | None) -> Verdict:
    assert observation is not None
    return prove(observation, "gateway")


def told(*steps: Observation | None) -> list[tuple[Kind, str | None, str | None]]:
    """Of each step the kind of its verdict, which packet it is about, and the rule that decided."""
    verdicts = [proven(step) for step in steps]
    return [(one.kind, one.packet, (one.rule.comment or str(one.rule.place)) if one.rule else None) for one in verdicts]


def arrivals(*steps: Observation | None) -> list[str | None]:
    return [seen.arrived and seen.arrived.at for seen in (proven(step).observation for step in steps)]


def entries(lab: Lab) -> int:
    """How many flows the gateway's conntrack knows."""
    with lab.network.nodes["gateway"].namespace:
        return int(File("/proc/sys/net/netfilter/nf_conntrack_count").read_text())


def forget(lab: Lab, observation: Observation | None) -> None:
    """Delete the flow's entry at the gateway, as another program could."""
    assert observation is not None
    lab.instrument.nodes["gateway"].conntrack.delete(observation.request[0].entry)


def test_each_step_of_a_connection_is_proven_by_itself(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=STATEFUL)
    with lab.batch(), Conversation(lab.stage, WEB) as talk:
        steps = [talk.open(), talk.send(), talk.answer(), talk.send(), talk.close()]
    assert told(*steps) == [(*ALLOWED, "web"), *[(*ALLOWED, "answers")] * 4]
    assert arrivals(*steps) == ["server", "server", "client", "server", "client"]
    states = [[(entry.node, entry.state) for entry in proven(step).observation.conntrack] for step in steps]
    assert states[:4] == [[("gateway", "ESTABLISHED")]] * 4
    assert entries(lab) == 0


def test_a_translated_connection_is_told_as_each_end_has_it(lab_of: LabOf) -> None:
    nat = table("nat", f"-A PREROUTING -d {NEAR} -p tcp --dport 443 -j DNAT --to-destination {SERVER}:80",
                "-A POSTROUTING -o right -j MASQUERADE")  # fmt: skip
    lab = lab_of(corridor(), gateway=nat + STATEFUL)
    question = replace(WEB, destination=NEAR, sends=Handshake(443))
    with lab.batch(), Conversation(lab.stage, question) as talk:
        steps = [talk.open(), talk.send(), talk.answer(), talk.close()]
    assert [kind for kind, _, _ in told(*steps)] == [Kind.ALLOWED] * 4
    sent = proven(steps[2]).observation.sent
    assert (sent.source, sent.sport, sent.destination) == (SERVER, 80, FAR)
    arrived = proven(steps[2]).observation.arrived
    assert arrived is not None
    assert (arrived.address, arrived.source, arrived.sport) == (CLIENT, NEAR, 443)


def test_a_segment_without_its_entry_is_dropped_where_the_connection_was_allowed(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=STATEFUL)
    with lab.batch(), Conversation(lab.stage, WEB) as talk:
        steps = [talk.open(), talk.send()]
        meanwhile, beside = lab.ask(WEB, "gateway"), lab.ask(DNS, "gateway")
        steps.append(talk.send())
        forget(lab, steps[0])
        steps += [talk.send(), talk.close()]
    assert (meanwhile.kind, meanwhile.rule and meanwhile.rule.comment) == (Kind.ALLOWED, "web")
    assert (beside.kind, beside.rule and beside.rule.comment) == (Kind.ALLOWED, "dns")
    assert told(*steps[:3]) == [(*ALLOWED, "web"), (*ALLOWED, "answers"), (*ALLOWED, "answers")]
    assert told(*steps[3:]) == [(Kind.DROPPED, "segment", "filter:FORWARD policy")] * 2
    assert entries(lab) == 0


def test_a_reset_in_the_midst_of_a_connection_is_heard(lab_of: LabOf) -> None:
    reset = "-A FORWARD -p tcp ! --syn -m conntrack --ctstate NEW -m comment --comment late -j REJECT --reject-with tcp-reset"
    lab = lab_of(corridor(), gateway=table("filter", reset, ESTABLISHED, NEW_WEB, FORWARD="DROP"))
    with lab.batch(), Conversation(lab.stage, WEB) as talk:
        opened = talk.open()
        forget(lab, opened)
        sent = talk.send()
    assert told(opened, sent) == [(*ALLOWED, "web"), (Kind.REJECTED, "segment", "late")]
    assert (proven(sent).reject, proven(sent).muted) == ("tcp-reset", False)


def test_what_arrives_and_is_not_acknowledged_has_no_answer(lab_of: LabOf) -> None:
    deaf = f"-A FORWARD -s {SERVER} -p tcp -m length --length 52 -m comment --comment no-acks -j DROP"
    lab = lab_of(corridor(), gateway=table("filter", deaf, ESTABLISHED, NEW_WEB, FORWARD="DROP"))
    with lab.batch(), Conversation(lab.stage, WEB) as talk:
        opened, sent = talk.open(), talk.send()
    assert told(opened, sent) == [(*ALLOWED, "web"), (Kind.UNANSWERED, "answer", "no-acks")]
    assert arrivals(sent) == ["server"]


def test_a_handshake_that_is_dropped_opens_nothing(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter", FORWARD="DROP"))
    with lab.batch(), Conversation(lab.stage, WEB) as talk:
        opened = talk.open()
        assert (talk.answer(), talk.close()) == (None, None)
    assert told(opened) == [(Kind.DROPPED, "SYN", "filter:FORWARD policy")]


def test_datagrams_of_one_flow(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=STATEFUL)
    with lab.batch(), Conversation(lab.stage, DNS) as talk:
        assert talk.open() is None
        steps = [talk.send(), talk.answer(), talk.send()]
        forget(lab, steps[0])
        steps.append(talk.send())
        assert talk.close() is None
    assert told(*steps) == [(*ALLOWED, "dns"), (*ALLOWED, "answers"), (*ALLOWED, "answers"), (*ALLOWED, "dns")]
    assert arrivals(*steps) == ["server", "client", "server", "server"]
    assert entries(lab) == 0


def test_a_step_is_told_nothing_of_what_went_before(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=STATEFUL)
    with lab.batch(), Conversation(lab.stage, DNS) as talk:
        talk.send()
        with lab.network.nodes["client"].socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"somebody else's", (SERVER, 9))
        receiver, received = talk._way._arrived  # type: ignore[attr-defined]
        receiver.answer(received, b"an answer that nobody waited for")
        answered = talk.answer()
    assert told(answered) == [(*ALLOWED, "answers")]
    assert proven(answered).observation.others == ()


def test_a_step_whose_trace_is_lost_proves_nothing(lab_of: LabOf, monkeypatch: pytest.MonkeyPatch) -> None:
    def overrun() -> list[Path]:
        raise Overrun

    lab = lab_of(corridor(), gateway=STATEFUL)
    with lab.batch(), Conversation(lab.stage, WEB) as talk:
        opened = talk.open()
        with monkeypatch.context() as blind:
            blind.setattr(lab.instrument, "paths", overrun)
            lost = talk.send()
            talk.let_go()
    assert told(opened) == [(*ALLOWED, "web")]
    assert (proven(lost).kind, "overflowed" in proven(lost).proof) == (Kind.LOST, True)
    assert entries(lab) == 0


def test_a_kernel_that_answers_is_heard_at_each_step(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=STATEFUL)
    with lab.batch(), Conversation(lab.stage, replace(DNS, sends=Echo(ICMP))) as talk:
        steps = [talk.send(), talk.send()]
        assert (talk.open(), talk.answer(), talk.close()) == (None, None, None)
    assert told(*steps) == [(*ALLOWED, "ping"), (*ALLOWED, "answers")]
    with lab.batch(), Conversation(lab.stage, replace(WEB, sends=Segment(80))) as talk:
        assert told(talk.send()) == [(Kind.DROPPED, "segment", "filter:FORWARD policy")]


@pytest.mark.parametrize("question", [WEB, DNS])
def test_two_conversations_with_one_receiver_are_not_mixed_up(lab_of: LabOf, question: Question) -> None:
    lab = lab_of(corridor(), gateway=STATEFUL)
    with lab.batch(), Conversation(lab.stage, question) as one:
        with Conversation(lab.stage, question) as other:
            steps = [*(talk.open() for talk in (one, other)), *(talk.send() for talk in (one, other))]
            steps += [talk.answer() for talk in (one, other)]
            assert lab.ask(replace(question, receivers=()), "gateway").allowed, "somebody listens, whoever opened it"
        steps += [one.send(), one.answer()]
    assert {kind for kind, _, _ in told(*(step for step in steps if step is not None))} == {Kind.ALLOWED}
    assert lab.ask(replace(question, receivers=()), "gateway").kind is Kind.CLOSED
    assert entries(lab) == 0
