"""A cell's questions: one for each port, with receivers only where something is to arrive."""

from __future__ import annotations

from dataclasses import replace

from lab.errors import Where
from lab.probe.question import Echo, Handshake, Message, Segment, Wants
from lab.run.questions import first_question, questions
from lab.written.cell import Burst, Expectation, Service, Step, Target
from lab.written.expect.arrives import ArrivesSpec
from lab.written.expect.conntrack import ConntrackSpec
from lab.written.expect.copied import CopiedSpec
from lab.written.expect.logged import LoggedSpec, Times
from tests.unit.verdict.made import cell

PORTS = Service("tcp/22,80-82", "tcp", ((22, 22), (80, 82)))
PING = Service("icmp/echo-request", "icmp", icmp_type=8, icmp_code=0)


def test_every_port_is_asked() -> None:
    asked = list(questions(cell(service=PORTS)))
    assert [port for port, _ in asked] == [22, 80, 81, 82] == [question.port for _, question in asked]
    _, first = asked[0]
    assert (first.node, first.source, first.destination, first.sends) == ("client", "10.0.1.10", "10.0.2.10", Handshake(22))


def test_a_protocol_without_ports() -> None:
    ((port, question),) = questions(cell(service=PING))
    assert (port, question.port, question.proto, question.sends) == (None, None, 1, Echo(1))


def test_another_type_of_icmp() -> None:
    service = Service("icmp/3.4", "icmp", icmp_type=3, icmp_code=4)
    ((_, question),) = questions(cell(service=service))
    assert question.sends == Message(1, 3, 4)
    echo_reply = Service("icmp/0", "icmp", icmp_type=0)
    ((_, question),) = questions(cell(service=echo_reply))
    assert question.sends == Message(1, 0)


def test_nothing_is_opened_for_a_denied_row() -> None:
    for action in ("drop", "reject", "deny"):
        assert {question.receivers for _, question in questions(cell(action, service=PORTS))} == {()}


def test_the_target_receives_what_is_allowed() -> None:
    assert [question.receivers for _, question in questions(cell(service=PORTS))] == [
        (("server", port),) for port in (22, 80, 81, 82)
    ]


def test_what_is_translated_is_received_where_it_arrives() -> None:
    ((_, question),) = questions(cell(arrives=ArrivesSpec(at=("web",), port=8443)))
    assert question.receivers == (("web", 8443),)
    ((_, question),) = questions(cell(arrives=ArrivesSpec(port=8443)))
    assert question.receivers == (("server", 8443),)


def test_an_address_that_nobody_has_receives_nothing() -> None:
    nobody = replace(cell(), target=Target("192.0.2.7", None, "192.0.2.7"))
    ((_, question),) = questions(nobody)
    assert question.receivers == ()


def test_what_the_row_says_of_the_socket_and_of_a_bare_segment() -> None:
    ((_, question),) = questions(replace(cell(), sport=53, flags=("ack",), mark=5, uid=1000))
    assert (question.sport, question.sends) == (53, Segment(443))
    assert (question.mark, question.uid) == (5, 1000)


ONCE = LoggedSpec(times=Times(min=1, max=1))


def test_what_else_is_to_be_seen() -> None:
    assert first_question(cell()).wants == Wants()
    nowhere = CopiedSpec.model_construct(to=())
    assert first_question(cell(conntrack=ConntrackSpec(state="ESTABLISHED"), copied=nowhere)).wants == Wants()
    assert first_question(cell(logged=LoggedSpec(prefix="web"))).wants == Wants(log=True)
    assert first_question(cell(logged=ONCE)).wants == Wants(log=True, whole_log=True)
    counted = cell(conntrack=ConntrackSpec(count=1), copied=CopiedSpec(to=("sensor",)))
    assert first_question(counted).wants == Wants(entry_count=True, copies_at=("sensor",))


def test_any_step_may_want_it_but_a_flow_asks_for_itself() -> None:
    def step(number: int, verb: str, **further: object) -> Step:
        expect = Expectation("allow", further=further)
        return Step(number, verb, Where("m.yaml", number), verb, expect=expect, asks=verb == "flow")

    to = [CopiedSpec(to=(node,)) for node in ("sensor", "other", "sensor")]
    steps = step(1, "open", copied=to[0]), step(2, "send", logged=ONCE, copied=to[1]), step(3, "answer", copied=to[2])
    asked = first_question(replace(cell(), steps=steps))
    assert asked.wants == Wants(log=True, whole_log=True, copies_at=("sensor", "other"))
    assert first_question(replace(cell(), steps=(step(1, "open"), step(2, "flow", logged=ONCE)))).wants == Wants()


def test_what_does_not_pass_of_a_burst_may_want_it_too() -> None:
    burst = Burst(5, 2, 2, Expectation("drop", further={"logged": LoggedSpec(prefix="limit")}), (cell().sender,))
    assert first_question(replace(cell(), burst=burst)).wants == Wants(log=True)
