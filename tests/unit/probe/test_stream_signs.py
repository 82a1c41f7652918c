"""A stream's packet is well-formed in every pulse, and told by its bytes, whatever is translated."""

from __future__ import annotations

import socket
import struct
from types import SimpleNamespace
from typing import Any

import pytest

from lab.kernel.ground.headers import checksum, read_packet
from lab.probe.question import ICMP, ICMPV6, TCP, UDP, Datagram, Echo, Handshake, Question, Sends
from lab.probe.stream.load import NewFlows, Out, Segments
from lab.probe.stream.signs import (
    HEADERS,
    MARKS,
    MOST_STREAMS,
    Reader,
    Segment,
    caught_by,
    first_packet,
    port_of,
    signature,
)

MARK = 0x9A5C
LINK = bytes(12)
FOUR, SIX = ("10.0.1.10", "10.0.2.10"), ("2001:db8:1::10", "2001:db8:2::10")
ASKED: list[tuple[tuple[str, str], Sends]] = [
    (FOUR, Handshake(80)), (FOUR, Datagram(53)), (FOUR, Echo(ICMP)),
    (SIX, Handshake(80)), (SIX, Datagram(53)), (SIX, Echo(ICMPV6)),
]  # fmt: skip
PULSES = (0, 1, 255, 256, 28_231)


def frame(packet: bytes) -> bytes:
    """With its link header."""
    return LINK + (b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet


def sent(load: Any, pulse: int, number: int = 0) -> bytes:
    """The packet that a load sends in a pulse, from its network header on."""
    load.write(pulse, port_of(pulse))
    buffer = bytes(load._buffer)
    size = len(buffer) // load.count
    return buffer[number * size : (number + 1) * size]


def transport(packet: bytes) -> bytes:
    return packet[HEADERS[4 if packet[0] >> 4 == 4 else 6] :]


def is_well_summed(packet: bytes) -> bool:
    """Whether the checksum of the transport is right (RFC 1071, RFC 8200)."""
    version, body = packet[0] >> 4, transport(packet)
    proto, ends = (packet[9], packet[12:20]) if version == 4 else (packet[6], packet[8:40])
    pseudo = b"" if proto == ICMP else ends + struct.pack("!HH", proto, len(body))
    return checksum(pseudo + body) == 0 and (version == 6 or checksum(packet[:20]) == 0)


def out() -> Out:
    return Out(SimpleNamespace(), b"")  # type: ignore[arg-type]


def taken(program: list[tuple[int, int, int, int]], data: bytes) -> bool:
    """Whether the packet filter takes a frame: the few instructions of it that are used (linux/filter.h)."""
    a = x = at = 0
    while True:
        code, true, false, k = program[at]
        at += 1
        if code in (0x28, 0x48, 0x30, 0x50):
            start, size = k + (x if code & 0x40 else 0), 2 if code in (0x28, 0x48) else 1
            if start + size > len(data):
                return False
            a = int.from_bytes(data[start : start + size], "big")
        elif code == 0xB1:
            x = (data[k] & 15) * 4
        elif code == 0x01:
            x = k
        elif code == 0x15:
            at += true if a == k else false
        elif code == 0x45:
            at += true if a & k else false
        else:
            assert code == 0x06
            return k > 0


@pytest.mark.parametrize("pulse", PULSES)
@pytest.mark.parametrize(("ends", "sends"), ASKED)
def test_every_pulse_is_well_formed_and_told(ends: tuple[str, str], sends: Sends, pulse: int) -> None:
    question = Question("client", *ends, sends)
    load = NewFlows(out(), question.proto, [first_packet(question, MARK, number) for number in (3, 4)])
    for place, number in enumerate((3, 4)):
        packet = sent(load, pulse, place)
        assert is_well_summed(packet)
        body = transport(packet)
        assert Reader(MARK, {}).request(question.proto, body) == (number, pulse)
        assert Reader(MARK + 1, {}).request(question.proto, body) is None
        told = read_packet(packet[: HEADERS[question.family]], body)
        assert (told.source, told.sport, told.destination) == (question.source, port_of(pulse), question.destination)
        assert told.dport == (question.port or 1)
        assert all(body[at : at + len(value)] == value for at, value in signature(question.proto, MARK, number).parts)
        assert taken(caught_by(MARK), frame(packet))
        assert not taken(caught_by(MARK + 1), frame(packet))


@pytest.mark.parametrize("pulse", PULSES)
@pytest.mark.parametrize("ends", [FOUR, SIX])
def test_a_segment_of_a_flow(ends: tuple[str, str], pulse: int) -> None:
    segments = [Segment(ends[0], 40_000, ends[1], 80, (0xFFFFFFF0, 7)), Segment(ends[1], 80, ends[0], 40_000, (7, 0xFFFFFFF0))]
    load = Segments(out(), [segment.packet() for segment in segments])
    reader = Reader(MARK, {segment.said: number for number, segment in enumerate(segments)})
    for number, segment in enumerate(segments):
        packet = sent(load, pulse, number)
        assert is_well_summed(packet)
        assert reader.request(TCP, transport(packet)) == (number, pulse)
        assert taken(caught_by(MARK), frame(packet))
        assert segment.signature.parts == ((4, transport(packet)[4:12]),)
        assert not taken(caught_by(MARK), frame(segment.packet())), "what the ends' own kernels say is no part of it"
        assert reader.request(TCP, transport(segment.packet())) is None


@pytest.mark.parametrize("pulse", PULSES)
def test_a_reset_names_the_pulse_that_it_refuses(pulse: int) -> None:
    load = NewFlows(out(), TCP, [first_packet(Question("client", *FOUR, Handshake(80)), MARK, 0)])
    said = int.from_bytes(transport(sent(load, pulse))[4:8], "big")
    reset = struct.pack("!HHIIBBHHH", 80, port_of(pulse), 0, (said + 1) & 0xFFFFFFFF, 5 << 4, 0x14, 0, 0, 0)
    assert Reader.refused_pulse(reset) == pulse
    assert Reader.refused_pulse(reset[:8] + struct.pack("!I", 12345) + reset[12:]) is None
    assert taken(caught_by(MARK), frame(first_packet(Question("server", *FOUR, Handshake(80)), MARK, 0)[:20] + reset))


def test_an_answer_is_no_request() -> None:
    reply = b"\0" + transport(first_packet(Question("client", *FOUR, Echo(ICMP)), MARK, 0))[1:]
    assert Reader(MARK, {}).request(ICMP, reply) is None
    assert not taken(caught_by(MARK), frame(first_packet(Question("client", *FOUR, Echo(ICMP)), MARK, 0)[:20] + reply))
    for pulse in PULSES:
        said = (pulse << 16 | 0xFFFF - pulse) + 1 & 0xFFFFFFFF
        assert said >> 16 not in MARKS or said & 0xFFFF >= MOST_STREAMS, "what a SYN-ACK acknowledges is no tag"


@pytest.mark.parametrize(("kind", "is_taken"), [(3, True), (11, True), (0, False), (13, False)])
def test_errors_are_taken(kind: int, is_taken: bool) -> None:
    header = first_packet(Question("client", *FOUR, Echo(ICMP)), MARK, 0)[:20]
    assert taken(caught_by(MARK), frame(header + bytes((kind, 1)) + bytes(60))) is is_taken


def test_fragments_and_other_protocols_are_not() -> None:
    whole = frame(first_packet(Question("client", *FOUR, Datagram(53)), MARK, 0))
    assert not taken(caught_by(MARK), whole[:20] + b"\x00\x10" + whole[22:])
    assert not taken(caught_by(MARK), whole[:23] + bytes([47]) + whole[24:])
    assert not taken(caught_by(MARK), LINK + b"\x08\x06" + bytes(60))


def test_what_is_quoted_is_told() -> None:
    packet = first_packet(Question("client", *FOUR, Datagram(53)), MARK, 5)
    assert Reader(MARK, {}).tagged(UDP, transport(packet)) == (5, 0)
    assert Reader(MARK, {}).tagged(UDP, transport(packet)[:13]) is None
    assert socket.inet_ntoa(packet[12:16]) == FOUR[0]
