"""What a packet of a stream looks like, and what it is told by, whatever is translated on its way.

A packet says its pulse and the inverse of that, so that all packets of a stream have one checksum, and a tag: the mark of these
streams, and the stream's number.  TCP says them where a SYN's numbers are, UDP and ICMP in their payload.  A segment of an
established flow is a bare acknowledgement of what was acknowledged before, which no end answers (RFC 9293, 3.10.7.4); it says
its pulse where an urgent pointer would be that counts only with URG.
"""

from __future__ import annotations

import socket as sockets
import struct
from typing import NamedTuple

from lab.kernel.ground.families import ADDRESS_FAMILIES
from lab.kernel.ground.headers import checksum, ip_header
from lab.kernel.watch.stream_table import Signature
from lab.probe.question import ECHO_REQUESTS, ICMP, ICMPV6, SOURCE_PORTS, TCP, UDP, Question

SYN, RST, ACK = 0x02, 0x04, 0x10
MARKS = range(0x8000, 0xF000)  # none is what an answer acknowledges, as long as there are no more streams than
MOST_STREAMS = 0x1000
_PAYLOAD = 32  # of UDP and of ICMP: as long as what a SYN has beyond as many bytes
_OPTIONS = struct.Struct("!BBHBBBBHHIBBBB")
_LARGEST, _WINDOW = {4: 1460, 6: 1440}, {4: 64240, 6: 64800}  # what Linux offers in a SYN
_LATER_WINDOW = 502  # and what it says then, with a window scaled by 7
HEADERS = {4: 20, 6: 40}


class Layout(NamedTuple):
    """Where a packet has what changes from pulse to pulse, from its transport header on: two bytes each, and their inverse."""

    port: int  # or the id of an echo
    port_again: int
    pulse: int
    pulse_again: int
    tag: int


LAYOUTS = {TCP: Layout(0, 30, 4, 6, 8), UDP: Layout(0, 16, 8, 10, 12)}
LAYOUTS[ICMP] = LAYOUTS[ICMPV6] = Layout(4, 16, 8, 10, 12)


def port_of(pulse: int) -> int:
    """The source port, or the id of an echo, of a pulse's packets: probes begin at the other end of the range."""
    return SOURCE_PORTS[-1 - pulse]


def signature(proto: int, mark: int, number: int) -> Signature:
    """What the packets of stream ``number`` are told by."""
    tag = LAYOUTS[proto].tag, struct.pack("!HH", mark, number)
    kind = [(0, bytes([ECHO_REQUESTS[proto]]))] if proto in ECHO_REQUESTS else [(13, bytes([SYN]))] if proto == TCP else []
    return Signature(proto, (*kind, tag))


def first_packet(question: Question, mark: int, number: int) -> bytes:
    """The packet of pulse 0 with port 0, from its network header on."""
    sender, receiver = ends(question)
    proto, port = question.proto, question.port or 0
    said = struct.pack("!HHHH", 0, 0xFFFF, mark, number)
    if proto == TCP:
        options = _OPTIONS.pack(2, 4, _LARGEST[question.family], 4, 2, 8, 10, 1, 0xFFFF, 0, 1, 3, 3, 7)
        data_offset = (20 + len(options)) // 4 << 4
        segment = struct.pack("!HH", 0, port) + said + struct.pack("!BBHHH", data_offset, SYN, _WINDOW[question.family], 0, 0)
        return _summed(sender, receiver, proto, segment + options, 16)
    body = said + b"\xff\xff" + bytes(_PAYLOAD - len(said) - 2)
    if proto == UDP:
        return _summed(sender, receiver, proto, struct.pack("!HHHH", 0, port, 8 + len(body), 0) + body, 6)
    return _summed(sender, receiver, proto, struct.pack("!BBHHH", ECHO_REQUESTS[proto], 0, 0, 0, 1) + body, 2)


class Segment(NamedTuple):
    """A bare acknowledgement of an established flow; ``numbers`` are what its end sends and expects next."""

    source: str
    sport: int
    destination: str
    dport: int
    numbers: tuple[int, int]

    @property
    def signature(self) -> Signature:
        """What it is told by."""
        return Signature(TCP, ((4, self.said),))

    @property
    def said(self) -> bytes:
        """Its numbers as they stand in the segment."""
        return struct.pack("!II", *self.numbers)

    def packet(self) -> bytes:
        """The packet, from its network header on, without an urgent pointer."""
        family = ADDRESS_FAMILIES[6 if ":" in self.destination else 4]
        sender, receiver = (sockets.inet_pton(family, one) for one in (self.source, self.destination))
        segment = struct.pack("!HH", self.sport, self.dport) + self.said
        segment += struct.pack("!BBHHH", 5 << 4, ACK, _LATER_WINDOW, 0, 0)
        return _summed(sender, receiver, TCP, segment, 16)


def ends(question: Question) -> tuple[bytes, bytes]:
    """The addresses of both ends, packed."""
    family = ADDRESS_FAMILIES[question.family]
    return sockets.inet_pton(family, question.source), sockets.inet_pton(family, question.destination)


def _summed(sender: bytes, receiver: bytes, proto: int, segment: bytes, at: int) -> bytes:
    pseudo = b"" if proto == ICMP else sender + receiver + struct.pack("!HH", proto, len(segment))
    total = struct.pack("!H", checksum(pseudo + segment) or 0xFFFF)
    return ip_header(sender, receiver, proto, len(segment)) + segment[:at] + total + segment[at + 2 :]


class Reader:
    """Tells packets of the streams with this ``mark`` by their bytes; ``segments`` are those of established flows."""

    def __init__(self, mark: int, segments: dict[bytes, int]) -> None:
        self._mark, self._segments = mark.to_bytes(2, "big"), segments

    def request(self, proto: int, transport: bytes) -> tuple[int, int] | None:
        """The number of the stream and the pulse of a packet; None where it is none of these."""
        if len(transport) < 20:
            return None
        if proto == TCP:
            if transport[13] == ACK:
                urgent = int.from_bytes(transport[18:20], "big")
                number = self._segments.get(transport[4:12])
                return None if not urgent or number is None else (number, urgent - 1)
            if transport[13] != SYN:
                return None
        elif proto in ECHO_REQUESTS and transport[0] != ECHO_REQUESTS[proto]:
            return None
        return self.tagged(proto, transport)

    def tagged(self, proto: int, transport: bytes) -> tuple[int, int] | None:
        """The same of the beginning of a first packet that an error quotes."""
        layout = LAYOUTS.get(proto)
        if layout is None or transport[layout.tag : layout.tag + 2] != self._mark or len(transport) < layout.tag + 4:
            return None
        number = int.from_bytes(transport[layout.tag + 2 : layout.tag + 4], "big")
        return number, int.from_bytes(transport[layout.pulse : layout.pulse + 2], "big")

    @staticmethod
    def refused_pulse(transport: bytes) -> int | None:
        """The pulse of the SYN that a reset acknowledges; None where that is none of a stream."""
        said = (int.from_bytes(transport[8:12], "big") - 1) & 0xFFFFFFFF
        return said >> 16 if (said >> 16) + (said & 0xFFFF) == 0xFFFF else None


_LOAD_HALF, _LOAD_BYTE, _LOAD_X_HALF, _LOAD_X_BYTE = 0x28, 0x30, 0x48, 0x50
_X_HEADER, _X_IS, _JUMP_EQUAL, _JUMP_SET, _RETURN = 0xB1, 0x01, 0x15, 0x45, 0x06
_L = 14  # of the link header


def caught_by(mark: int) -> list[tuple[int, int, int, int]]:
    """The program of a packet filter that takes what these streams send, resets, and ICMP errors; not fragments."""
    lines: list[tuple[str, int, int, str, str]] = [
        ("", _LOAD_HALF, 12, "", ""),
        ("", _JUMP_EQUAL, 0x86DD, "v6", ""),
        ("", _JUMP_EQUAL, 0x0800, "", "no"),
        ("", _LOAD_HALF, _L + 6, "", ""),
        ("", _JUMP_SET, 0x1FFF, "no", ""),
        ("", _X_HEADER, _L, "", ""),
        ("", _LOAD_BYTE, _L + 9, "", ""),
        ("", _JUMP_EQUAL, ICMP, "icmp", "ports"),
        ("v6", _X_IS, 40, "", ""),
        ("", _LOAD_BYTE, _L + 6, "", ""),
        ("", _JUMP_EQUAL, ICMPV6, "icmpv6", ""),
        ("ports", _JUMP_EQUAL, UDP, "tag", ""),
        ("", _JUMP_EQUAL, TCP, "", "no"),
        ("", _LOAD_X_BYTE, _L + 13, "", ""),
        ("", _JUMP_SET, RST, "yes", ""),
        ("", _JUMP_EQUAL, ACK, "segment", ""),
        ("", _JUMP_EQUAL, SYN, "", "no"),
        ("", _LOAD_X_HALF, _L + LAYOUTS[TCP].tag, "", ""),
        ("", _JUMP_EQUAL, mark, "yes", "no"),
        ("segment", _LOAD_X_HALF, _L + 18, "", ""),
        ("", _JUMP_EQUAL, 0, "no", "yes"),
        ("icmp", _LOAD_X_BYTE, _L, "", ""),
        ("", _JUMP_EQUAL, ECHO_REQUESTS[ICMP], "tag", ""),
        ("", _JUMP_EQUAL, 3, "yes", ""),
        ("", _JUMP_EQUAL, 11, "yes", "no"),
        ("icmpv6", _LOAD_X_BYTE, _L, "", ""),
        ("", _JUMP_EQUAL, ECHO_REQUESTS[ICMPV6], "tag", ""),
        ("", _JUMP_SET, 0x80, "no", "yes"),  # errors are those below 128 (RFC 4443)
        ("tag", _LOAD_X_HALF, _L + LAYOUTS[UDP].tag, "", ""),
        ("", _JUMP_EQUAL, mark, "yes", "no"),
        ("yes", _RETURN, 0xFFFF, "", ""),
        ("no", _RETURN, 0, "", ""),
    ]
    places = {label: number for number, (label, *_) in enumerate(lines) if label}

    def skipped(number: int, label: str) -> int:
        return places[label] - number - 1 if label else 0

    return [
        (code, skipped(number, true), skipped(number, false), value)
        for number, (_, code, value, true, false) in enumerate(lines)
    ]
