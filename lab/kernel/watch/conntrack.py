"""Conntrack by ctnetlink: one query of one tuple, the deletion of an entry, the table's statistics.

Attributes are those of linux/netfilter/nfnetlink_conntrack.h, status bits those of nf_conntrack_common.h.
"""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from lab.kernel.ground import nfnetlink as nl
from lab.kernel.ground.families import ADDRESS_FAMILIES
from lab.kernel.ground.headers import ICMP, ICMPV6, TCP
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.syscalls import readable
from lab.record.observation import Conntrack
from lab.record.packet import Packet

_MSG = nl.NFNL_SUBSYS_CTNETLINK << 8
_NEW, _GET, _DELETE, _STATS_CPU, _STATS = _MSG | 0, _MSG | 1, _MSG | 2, _MSG | 4, _MSG | 5
_ORIGINAL, _REPLY, _STATUS, _PROTOINFO, _TIMEOUT, _MARK, _ZONE = 1, 2, 3, 4, 7, 8, 18
_TUPLE_ZONE = 3  # of an entry that is in a zone in one direction alone
_ENTRIES = 1  # CTA_STATS_GLOBAL_ENTRIES
_STATUS_BITS = (
    (1, "SEEN_REPLY"), (2, "ASSURED"), (3, "CONFIRMED"), (4, "SRC_NAT"), (5, "DST_NAT"),
)  # fmt: skip
_TCP_STATES = (
    "NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2",
)  # fmt: skip
_STATISTICS = {4: "invalid", 8: "insert", 9: "insert_failed", 10: "drop", 11: "early_drop", 12: "error", 17: "chain_toolong"}
_KIND_AND_SEQUENCE = struct.Struct("=4xH2xI")
# CTA_TUPLE_ORIG { CTA_TUPLE_IP { V4_SRC, V4_DST }, CTA_TUPLE_PROTO { NUM, SRC_PORT, DST_PORT } }
_PORTS_TUPLE = struct.Struct("!8x4s4x4s8xB3x4xH2x4xH2x")  # what is inside of it, as the kernel packs it
_TUPLE = struct.Struct("=HHHHHH4sHH4sHHHHB3xHH2s2xHH2s2x")


# CTA_IP_V4_SRC and CTA_IP_V4_DST, CTA_IP_V6_SRC and CTA_IP_V6_DST
_ADDRESSES = {4: (1, 2), 6: (3, 4)}
# CTA_PROTO_ICMP_ID, _TYPE, _CODE and those of ICMPv6
_ECHO = {ICMP: (4, 5, 6), ICMPV6: (7, 8, 9)}


class ConntrackChannel:
    """The conntrack table of one node, asked through a socket that stays open.

    A tuple is asked for in zone 0 alone, unless the node is ``zoned``: then in every zone that its entries are in.
    """

    def __init__(self, node: str, namespace: Namespace, *, zoned: bool = False) -> None:
        self._node = node
        self._socket = namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, nl.NETLINK_NETFILTER)
        self._socket.bind((0, 0))
        self._sequence = 0
        self._told: tuple[bytes, ...] | None = None
        self._losses: Mapping[str, int] = {}
        self._zones = {0}
        self.zoned = zoned

    def find(self, packet: Packet) -> Conntrack | None:
        """The entry with ``packet`` as its original or, where there is none, its reply tuple; None when there is neither."""
        if not self.zoned:
            return self._find(packet, 0)
        own = _tuple(packet)
        found = [entry for _, entry in self._in_all_zones(packet)]
        return next((entry for entry in found if _tuple(entry.original) == own), next(iter(found), None))

    def delete(self, packet: Packet) -> None:
        """Delete the entry of ``packet``, in all zones with what its answers left in others; that there is none is fine."""
        if not self.zoned:
            self._delete(packet, 0)
            return
        waiting, seen = [packet], set[bytes]()
        while waiting:
            one = waiting.pop()
            if (key := _tuple(one)) not in seen:
                seen.add(key)
                for zone, entry in self._in_all_zones(one):
                    self._delete(one, zone)
                    waiting += entry.original, entry.reply

    def _in_all_zones(self, packet: Packet) -> list[tuple[int, Conntrack]]:
        """Every entry of ``packet`` with a zone that it is found in.

        To list the table takes milliseconds, as all of the machine's is walked: so only when it holds more than was found.
        """
        found = self._in_known_zones(packet)
        if self._count() > len(found):
            known = len(self._zones)
            self._learn_zones(packet.family)
            if len(self._zones) > known:
                found = self._in_known_zones(packet)
        return found

    def _in_known_zones(self, packet: Packet) -> list[tuple[int, Conntrack]]:
        return [(zone, entry) for zone in self._zones if (entry := self._find(packet, zone)) is not None]

    def _learn_zones(self, family: int) -> None:
        """Read from the kernel's table which zones its entries are in, of both directions or of one."""
        self._ask(_GET, nl.NLM_F_DUMP, b"", family)
        for kind, data in self._answers():
            if kind == _NEW:
                parts = nl.attributes(data, nl.HEADER)
                told = [parts.get(_ZONE), *(nl.attributes(parts[way]).get(_TUPLE_ZONE) for way in (_ORIGINAL, _REPLY))]
                self._zones.update(int.from_bytes(zone, "big") for zone in told if zone is not None)

    def _count(self) -> int:
        """How many entries the node's table has, of both families."""
        self._ask(_STATS, 0, b"")
        for _, data in self._answers():
            return int.from_bytes(nl.attributes(data, nl.HEADER).get(_ENTRIES, b""), "big")
        return 0

    def _find(self, packet: Packet, zone: int) -> Conntrack | None:
        self._ask(_GET, 0, _in_zone(zone) + _tuple(packet), packet.family)
        while data := self._answer():
            kind, sequence = _KIND_AND_SEQUENCE.unpack_from(data)
            if sequence == self._sequence:
                return _read(self._node, data) if kind == _NEW else None
        return None

    def _delete(self, packet: Packet, zone: int) -> None:
        self._ask(_DELETE, 0, _in_zone(zone) + _tuple(packet), packet.family)
        with suppress(BlockingIOError):  # the kernel answers, before send() returns, only if there was none
            self._socket.recv(1024)

    def delete_all(self) -> None:
        """Delete every entry of both families; returns when it is done, raises OSError when the kernel refuses."""
        self._ask(_DELETE, nl.NLM_F_ACK, b"")
        for _, data in nl.messages(self._answer()):
            nl.raise_for_error(data)

    def losses(self) -> Mapping[str, int]:
        """What conntrack refused so far, over all processors: ``insert_failed``, ``drop``, ``early_drop``, …."""
        self._ask(_STATS_CPU, nl.NLM_F_DUMP, b"")
        told = tuple(data[nl.HEADER :] for kind, data in self._answers() if kind != nl.NLMSG_ERROR)
        if told != self._told:
            self._told, self._losses = told, _sum_up(told)
        return self._losses

    def _answers(self) -> Iterator[tuple[int, bytes]]:
        """The messages of the dump that was asked for last, up to its end; an error is the last of them."""
        while answer := self._answer():
            for kind, data in nl.messages(answer):
                if _KIND_AND_SEQUENCE.unpack_from(data)[1] != self._sequence:
                    continue
                if kind == nl.NLMSG_DONE:
                    return
                yield kind, data
                if kind == nl.NLMSG_ERROR:
                    return

    def _ask(self, kind: int, flags: int, payload: bytes, family: int = 4) -> None:
        self._sequence += 1
        self._socket.send(nl.message(kind, flags, ADDRESS_FAMILIES[family], payload, sequence=self._sequence))

    def _answer(self) -> bytes:
        """Ctnetlink answers before send() returns; the deadline is for a machine that is stopped."""
        try:
            return self._socket.recv(1 << 16)
        except BlockingIOError:
            if not readable(self._socket.fileno(), nl.KERNEL_DEADLINE_S):
                return b""
            return self._socket.recv(1 << 16)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def _sum_up(told: Sequence[bytes]) -> Mapping[str, int]:
    """What each processor counted, added up."""
    total = dict.fromkeys(_STATISTICS.values(), 0)
    for data in told:
        for number, value in nl.attributes(data).items():
            if number in _STATISTICS:
                total[_STATISTICS[number]] += int.from_bytes(value, "big")
    return total


def _in_zone(zone: int) -> bytes:
    """What asks in a zone; none is asked for as zone 0 is (nf_ct_zone.h, NF_CT_DEFAULT_ZONE_ID)."""
    return nl.attribute(_ZONE, struct.pack("!H", zone)) if zone else b""


def _tuple(packet: Packet) -> bytes:
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


def _read(node: str, data: bytes) -> Conntrack:
    found = nl.attributes(data, nl.HEADER)
    bits = int.from_bytes(found.get(_STATUS, b""), "big")
    status = tuple(word for bit, word in _STATUS_BITS if bits >> bit & 1)
    original = _read_tuple(found[_ORIGINAL])
    return Conntrack(
        node=node,
        state=_state(found, status, original),
        status=status,
        mark=int.from_bytes(found.get(_MARK, b""), "big"),
        timeout_s=int.from_bytes(found.get(_TIMEOUT, b""), "big"),
        original=original,
        reply=_read_tuple(found[_REPLY]),
    )


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
