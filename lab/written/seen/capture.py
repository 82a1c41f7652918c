"""The flows of a capture, as tcpdump or Wireshark write it.  Which end began one is read from its packets."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from lab.errors import InputError, Problem, Where
from lab.written.seen.headers import LINK_TYPES, Headers, headers_of
from lab.written.seen.live import ECHO_REQUEST, ICMPS, Entry

MAX_PACKETS = 1_000_000
_MAX_FLOWS = 200_000
MAGICS = (b"\xa1\xb2\xc3\xd4", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1", b"\x0a\x0d\x0d\x0a")
_TCP, _SYN, _ACK = 6, 0x02, 0x10
_REQUESTS = {1: (8, 13, 15, 17), 58: (128,)}
_ANSWERS = {1: {0: 8, 14: 13, 16: 15, 18: 17}, 58: {129: 128}}  # RFC 792, RFC 950, RFC 4443
_SERVERS, _CLIENTS = 1024, 32_768  # ports below the first are servers', from the second on clients' (ip_local_port_range)


def read_capture(raw: bytes, file: str) -> list[Entry]:
    """The flows of a capture's packets; raises InputError where it is none, or too large."""
    flows: dict[tuple[object, ...], tuple[Headers, bool]] = {}
    for headers in _packets(raw, file):
        if (one := _as_request(headers)) is None:
            continue
        headers, answers = one
        ends = (headers.source, headers.sport), (headers.destination, headers.dport)
        key = (headers.proto, *(ends if headers.proto in ICMPS else sorted(ends, key=str)))
        before = flows.get(key)
        if before is None:
            if len(flows) >= _MAX_FLOWS:
                what = f"the capture has more than {_MAX_FLOWS:,} flows"
                raise InputError(Problem(what, Where(file), "give a part of it: tcpdump -r FILE -w PART 'net 10.0.0.0/8'"))
            flows[key] = headers, answers
        elif answers or (headers.source, headers.sport) != (before[0].source, before[0].sport):
            flows[key] = before[0], True
    return [_entry(headers, replied=replied) for headers, replied in flows.values()]


def _packets(raw: bytes, file: str) -> Iterator[Headers]:
    from scapy.error import Scapy_Exception
    from scapy.utils import RawPcapReader

    number = 0
    try:
        capture: Any = BytesIO(raw)
        reader: Any = RawPcapReader(capture)
        for number, (frame, about) in enumerate(reader, 1):
            if number > MAX_PACKETS:
                what = f"the capture has more than {MAX_PACKETS:,} packets"
                mend = f"give a part of it: tcpdump -c {MAX_PACKETS} -r FILE -w PART"
                raise InputError(Problem(what, Where(file), mend))
            link = getattr(about, "linktype", None)
            link = reader.linktype if link is None else link
            if link not in LINK_TYPES:
                what = f"packets of link type {link} are not read"
                raise InputError(Problem(what, Where(file), "capture at an interface of IP: tcpdump -i any -w FILE"))
            if (headers := headers_of(frame, link)) is not None:
                yield headers
    except (Scapy_Exception, EOFError, ValueError, KeyError, IndexError, struct.error) as error:
        what = f"this is no capture from packet {number + 1} on: {str(error) or type(error).__name__}"
        raise InputError(Problem(what, Where(file), "write it with tcpdump -w FILE")) from None


def _as_request(headers: Headers) -> tuple[Headers, bool] | None:
    """The packet as the one that began its flow, as far as it tells by itself, and whether it is an answer; None for errors."""
    turned = headers._replace(
        source=headers.destination, destination=headers.source, sport=headers.dport, dport=headers.sport
    )
    if headers.proto in ICMPS:
        kind = headers.dport
        if kind in _REQUESTS[headers.proto]:
            return headers, False
        asked = _ANSWERS[headers.proto].get(kind or 0)
        return None if asked is None else (turned._replace(sport=headers.sport, dport=asked), True)
    if headers.proto == _TCP and headers.flags & _SYN:
        return (turned, True) if headers.flags & _ACK else (headers, False)
    return (turned, True) if _is_of_server(headers) else (headers, False)


def _is_of_server(headers: Headers) -> bool:
    """Whether a packet in the midst of a flow comes from the end that was asked, by its ports."""
    own, other = headers.sport, headers.dport
    return own is not None and other is not None and (own < _SERVERS <= other or own < _CLIENTS <= other)


def _entry(headers: Headers, *, replied: bool) -> Entry:
    port = headers.dport
    if headers.proto in ICMPS and port is None:
        port = ECHO_REQUEST[headers.proto]
    return Entry(headers.source, headers.destination, headers.proto, headers.sport, port, headers.code, replied=replied)
