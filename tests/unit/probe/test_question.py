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
    ("text", "flags", "sends"),
    [
        ("tcp/443", (), Handshake(443)),
        ("tcp/443", ("ack",), Segment(443)),
        ("tcp/443", ("fin", "ack"), Segment(443, 0x11)),
        ("tcp/443", ("rst",), Segment(443, 0x04)),
        ("tcp/443", ("none",), Segment(443, 0)),
        ("tcp/443", ("fin", "psh", "urg"), Segment(443, 0x29)),
        ("tcp/443", ("syn", "ack"), Segment(443, 0x12)),
        ("udp/53", (), Datagram(53)),
        ("udp/53", ("ack",), Datagram(53)),
        ("icmp/echo-request", (), Echo(ICMP)),
        ("icmpv6/echo-request", (), Echo(ICMPV6)),
        ("icmp/128", (), Message(ICMP, 128)),
        ("icmpv6/8", (), Message(ICMPV6, 8)),
        ("icmp/3.4", (), Message(ICMP, 3, 4)),
        ("icmp/8.1", (), Echo(ICMP, 1)),
        ("icmp/0", (), Message(ICMP, 0)),
    ],
)
def test_what_a_service_sends(text: str, flags: tuple[str, ...], sends: Sends) -> None:
    service = parse_service(text)
    port = service.ports[0][0] if service.ports else None
    assert sends_of(service, port, flags=flags) == sends


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


@pytest.mark.parametrize(("flags", "answered"), [(0x10, True), (0x11, True), (0x01, False), (0x04, False), (0x14, False)])
def test_a_reset_is_never_answered_and_a_bare_fin_not_by_who_listens(flags: int, *, answered: bool) -> None:
    assert Segment(443, flags).is_answered is answered
