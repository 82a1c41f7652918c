"""What a service sends is a type of its own, in place of fields that fit some protocols alone."""

from __future__ import annotations

import pytest

from lab.probe.question import (
    ICMP,
    ICMPV6,
    TCP,
    UDP,
    Datagram,
    Echo,
    Handshake,
    Message,
    Question,
    Segment,
    Sends,
    sends_of,
    to_port,
)
from lab.probe.ways import _WAYS
from lab.written.service import parse_service


@pytest.mark.parametrize(
    ("text", "ack", "sends"),
    [
        ("tcp/443", False, Handshake(443)),
        ("tcp/443", True, Segment(443)),
        ("udp/53", False, Datagram(53)),
        ("udp/53", True, Datagram(53)),
        ("icmp/echo-request", False, Echo(ICMP)),
        ("icmpv6/echo-request", False, Echo(ICMPV6)),
        ("icmp/128", False, Message(ICMP, 128)),
        ("icmpv6/8", False, Message(ICMPV6, 8)),
        ("icmp/3.4", False, Message(ICMP, 3, 4)),
        ("icmp/8.1", False, Echo(ICMP, 1)),
        ("icmp/0", False, Message(ICMP, 0)),
    ],
)
def test_what_a_service_sends(text: str, ack: bool, sends: Sends) -> None:
    service = parse_service(text)
    port = service.ports[0][0] if service.ports else None
    assert sends_of(service, port, ack=ack) == sends


def test_what_asks_for_a_port() -> None:
    assert (to_port(TCP, 80), to_port(UDP, 80)) == (Handshake(80), Datagram(80))


@pytest.mark.parametrize(
    ("sends", "proto", "port"),
    [(Handshake(1), TCP, 1), (Datagram(2), UDP, 2), (Segment(3), TCP, 3), (Echo(ICMPV6), ICMPV6, None)],
)
def test_a_question_tells_its_protocol_and_port(sends: Sends, proto: int, port: int | None) -> None:
    question = Question("client", "10.0.1.10", "10.0.2.10", sends)
    assert (question.proto, question.port) == (proto, port)


def test_there_is_a_way_for_all_that_can_be_sent() -> None:
    assert set(_WAYS) == set(Sends.__args__)
