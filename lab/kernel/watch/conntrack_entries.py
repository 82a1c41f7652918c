"""Conntrack entries as ctnetlink packs them: an entry read, and a tuple that asks for one.

Attributes are those of linux/netfilter/nfnetlink_conntrack.h, status bits those of nf_conntrack_common.h.
"""

from __future__ import annotations

import socket as sockets
import struct
import sys
from collections.abc import Mapping

from lab.kernel.ground import nfnetlink as nl
from lab.kernel.ground.families import ADDRESS_FAMILIES
from lab.kernel.ground.headers import ICMP, ICMPV6, TCP
from lab.record.observation import Conntrack
from lab.record.packet import Packet

ORIGINAL, REPLY, ZONE = 1, 2, 18
_STATUS, _PROTOINFO, _HELP, _TIMEOUT, _MARK, _LABELS = 3, 4, 5, 7, 8, 22
_HELP_NAME = 1
TUPLE_ZONE = 3  # of an entry that is in a zone in one direction alone
_LONG = struct.calcsize("@L")  # labels are a bitmap of unsigned longs
_STATUS_BITS = (
    (0, "EXPECTED"), (1, "SEEN_REPLY"), (2, "ASSURED"), (3, "CONFIRMED"), (4, "SRC_NAT"), (5, "DST_NAT"),
)  # fmt: skip
_TCP_STATES = (
    "NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2",
)  # fmt: skip
# CTA_TUPLE_ORIG { CTA_TUPLE_IP { V4_SRC, V4_DST }, CTA_TUPLE_PROTO { NUM, SRC_PORT, DST_PORT } }
_PORTS_TUPLE = struct.Struct("!8x4s4x4s8xB3x4xH2x4xH2x")  # what is inside of it, as the kernel packs it
_TUPLE = struct.Struct("=HHHHHH4sHH4sHHHHB3xHH2s2xHH2s2x")


# CTA_IP_V4_SRC and CTA_IP_V4_DST, CTA_IP_V6_SRC and CTA_IP_V6_DST
_ADDRESSES = {4: (1, 2), 6: (3, 4)}
# CTA_PROTO_ICMP_ID, _TYPE, _CODE and those of ICMPv6
_ECHO = {ICMP: (4, 5, 6), ICMPV6: (7, 8, 9)}


def tuple_of(packet: Packet) -> bytes:
    """What asks for the entry of ``packet``."""
    domain = ADDRESS_FAMILIES[packet.family]
    source, destination = sockets.inet_pton(domain, packet.source), sockets.inet_pton(domain, packet.destination)
    if packet.proto not in _ECHO and packet.family == 4:
        ports = struct.pack("!H", packet.sport or 0), struct.pack("!H", packet.dport or 0)
        return _TUPLE.pack(
            52, nl.NESTED | 1, 20, nl.NESTED | 1, 8, 1, source, 8, 2, destination,
            28, nl.NESTED | 2, 5, 1, packet.proto, 6, 2, ports[0], 6, 3, ports[1],
        )  # fmt: skip
    one, two = _ADDRESSES[packet.family]
    addresses = nl.nest(1, nl.attribute(one, source), nl.attribute(two, destination))
    first, second = struct.pack("!H", packet.sport or 0), struct.pack("!H", packet.dport or 0)
    if packet.proto in _ECHO:
        ident, kind, code = _ECHO[packet.proto]
        told = ((ident, first), (kind, bytes([packet.flags])), (code, bytes([packet.code])))
        parts = [nl.attribute(*one) for one in told]
    else:
        parts = [nl.attribute(2, first), nl.attribute(3, second)]
    return nl.nest(1, addresses, nl.nest(2, nl.attribute(1, bytes([packet.proto])), *parts))


def read_entry(node: str, data: bytes, *, zoned: bool) -> Conntrack:
    """The entry of a message of ctnetlink, whose zones are read where the node is ``zoned``."""
    found = nl.attributes(data, nl.HEADER)
    bits = int.from_bytes(found.get(_STATUS, b""), "big")
    status = tuple(word for bit, word in _STATUS_BITS if bits >> bit & 1)
    original = _read_tuple(found[ORIGINAL])
    zones = zones_of(found) if zoned else (0, 0)
    return Conntrack(
        node=node,
        state=_state(found, status, original),
        status=status,
        mark=int.from_bytes(found.get(_MARK, b""), "big"),
        timeout_s=int.from_bytes(found.get(_TIMEOUT, b""), "big"),
        original=original,
        reply=_read_tuple(found[REPLY]),
        zone_orig=zones[0],
        zone_reply=zones[1],
        helper=_helper(found[_HELP]) if _HELP in found else None,
        labels=_bits(found[_LABELS]) if _LABELS in found else (),
    )


def zones_of(found: Mapping[int, bytes]) -> tuple[int, int]:
    """The zones of an entry's two directions."""
    if ZONE in found:
        both = int.from_bytes(found[ZONE], "big")
        return both, both
    original, reply = (nl.attributes(found[way]).get(TUPLE_ZONE, b"") for way in (ORIGINAL, REPLY))
    return int.from_bytes(original, "big"), int.from_bytes(reply, "big")


def _helper(data: bytes) -> str:
    return nl.attributes(data).get(_HELP_NAME, b"").rstrip(b"\0").decode(errors="replace")


def _bits(data: bytes) -> tuple[int, ...]:
    words = (int.from_bytes(data[at : at + _LONG], sys.byteorder) for at in range(0, len(data), _LONG))
    return tuple(number * 8 * _LONG + bit for number, word in enumerate(words) for bit in range(8 * _LONG) if word >> bit & 1)


def _state(found: Mapping[int, bytes], status: tuple[str, ...], original: Packet) -> str:
    if original.proto == TCP and _PROTOINFO in found:
        state = nl.attributes(nl.attributes(found[_PROTOINFO]).get(1, b"")).get(1, b"\0")[0]
        return _TCP_STATES[state] if state < len(_TCP_STATES) else str(state)
    return "ESTABLISHED" if "SEEN_REPLY" in status else "NEW"


def _read_tuple(data: bytes) -> Packet:
    if len(data) == _PORTS_TUPLE.size:
        source, destination, number, sport, dport = _PORTS_TUPLE.unpack(data)
        return Packet(4, number, sockets.inet_ntoa(source), sport, sockets.inet_ntoa(destination), dport)
    parts = nl.attributes(data)
    addresses, proto = nl.attributes(parts[1]), nl.attributes(parts[2])
    number = proto[1][0]
    family = 4 if _ADDRESSES[4][0] in addresses else 6
    source, destination = (sockets.inet_ntop(ADDRESS_FAMILIES[family], addresses[kind]) for kind in _ADDRESSES[family])
    if number in _ECHO:
        ident, kind, code = _ECHO[number]
        word = int.from_bytes(proto.get(ident, b""), "big")
        return Packet(family, number, source, word, destination, None, proto.get(kind, b"\0")[0], proto.get(code, b"\0")[0])
    sport, dport = (int.from_bytes(proto.get(part, b""), "big") for part in (2, 3))
    return Packet(family, number, source, sport, destination, dport)
