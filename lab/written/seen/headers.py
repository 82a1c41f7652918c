"""From the bytes of a captured frame to the flow that its packet is of."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

_IPV4, _IPV6 = 0x0800, 0x86DD
_VLANS = (0x8100, 0x88A8, 0x9100)
_PPPOE = 0x8864
_OF_PPP = {0x0021: _IPV4, 0x0057: _IPV6}  # RFC 1332, RFC 5072
_EXTENSIONS = (0, 43, 60)  # hop by hop, routing, destination options (RFC 8200)
_FRAGMENT, _AH = 44, 51
_FIRST_OF_IPV4 = 0x1FFF
# https://www.tcpdump.org/linktypes.html: where the protocol stands, and how long the header is
_ETHERNET, _COOKED, _COOKED2 = 1, 113, 276
_BARE = {0: 4, 108: 4, 12: 0, 14: 0, 101: 0, 228: 0, 229: 0}
LINK_TYPES = (_ETHERNET, _COOKED, _COOKED2, *_BARE)


class Headers(NamedTuple):
    """One packet: ``sport`` and ``dport`` are identifier and type where it is an ICMP message."""

    source: str
    destination: str
    proto: int
    sport: int | None = None
    dport: int | None = None
    flags: int = 0
    code: int = 0


def headers_of(frame: bytes, link: int) -> Headers | None:
    """The packet of a frame; None where it is no IP, a later fragment, or cut off before its ports."""
    try:
        at = _network(frame, link)
        return None if at is None else _ipv4(frame, at) if frame[at] >> 4 == 4 else _ipv6(frame, at)
    except (IndexError, ValueError, struct.error):  # it ends before that
        return None


def _network(frame: bytes, link: int) -> int | None:
    """Where the network's header begins."""
    if link in _BARE:
        at = _BARE[link]
        return at if frame[at] >> 4 in (4, 6) else None
    if link == _ETHERNET:
        kind, at = struct.unpack_from("!H", frame, 12)[0], 14
    elif link == _COOKED:
        kind, at = struct.unpack_from("!H", frame, 14)[0], 16
    else:
        kind, at = struct.unpack_from("!H", frame, 0)[0], 20
    while kind in _VLANS:
        kind, at = struct.unpack_from("!H", frame, at + 2)[0], at + 4
    if kind == _PPPOE:
        kind, at = _OF_PPP.get(struct.unpack_from("!H", frame, at + 6)[0], 0), at + 8
    return at if kind in (_IPV4, _IPV6) and frame[at] >> 4 == (4 if kind == _IPV4 else 6) else None


def _ipv4(frame: bytes, at: int) -> Headers | None:
    if struct.unpack_from("!H", frame, at + 6)[0] & _FIRST_OF_IPV4:
        return None
    source, destination = IPv4Address(frame[at + 12 : at + 16]), IPv4Address(frame[at + 16 : at + 20])
    return _transport(frame, at + (frame[at] & 0x0F) * 4, frame[at + 9], str(source), str(destination))


def _ipv6(frame: bytes, at: int) -> Headers | None:
    source, destination = IPv6Address(frame[at + 8 : at + 24]), IPv6Address(frame[at + 24 : at + 40])
    proto, at = frame[at + 6], at + 40
    while proto in _EXTENSIONS or proto in (_FRAGMENT, _AH):
        if proto == _FRAGMENT and struct.unpack_from("!H", frame, at + 2)[0] & 0xFFF8:
            return None
        words = {_FRAGMENT: 8, _AH: (frame[at + 1] + 2) * 4}.get(proto, (frame[at + 1] + 1) * 8)
        proto, at = frame[at], at + words
    return _transport(frame, at, proto, str(source), str(destination))


def _transport(frame: bytes, at: int, proto: int, source: str, destination: str) -> Headers:
    if proto in (1, 58):
        kind, code = frame[at], frame[at + 1]
        return Headers(source, destination, proto, struct.unpack_from("!H", frame, at + 4)[0], kind, 0, code)
    if proto in (6, 17, 33, 132, 136):
        sport, dport = struct.unpack_from("!HH", frame, at)
        return Headers(source, destination, proto, sport, dport, frame[at + 13] if proto == 6 else 0)
    return Headers(source, destination, proto)
