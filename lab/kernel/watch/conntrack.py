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
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.syscalls import readable
from lab.kernel.watch.conntrack_entries import ZONE, read_entry, tuple_of, zones_of
from lab.record.observation import Conntrack
from lab.record.packet import Packet

_MSG = nl.NFNL_SUBSYS_CTNETLINK << 8
_NEW, _GET, _DELETE, _STATS_CPU, _STATS = _MSG | 0, _MSG | 1, _MSG | 2, _MSG | 4, _MSG | 5
_CLOSED = ("TIME_WAIT", "CLOSE")
_ENTRIES = 1  # CTA_STATS_GLOBAL_ENTRIES
_STATISTICS = {4: "invalid", 8: "insert", 9: "insert_failed", 10: "drop", 11: "early_drop", 12: "error", 17: "chain_toolong"}
_KIND_AND_SEQUENCE = struct.Struct("=4xH2xI")


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
        own = tuple_of(packet)
        found = [entry for _, entry in self._in_all_zones(packet)]
        return next((entry for entry in found if tuple_of(entry.original) == own), next(iter(found), None))

    def delete(self, packet: Packet) -> None:
        """Delete the entry of ``packet``, in all zones with what its answers left in others; that there is none is fine."""
        if not self.zoned:
            self._delete(packet, 0)
            return
        waiting, seen = [packet], set[bytes]()
        while waiting:
            one = waiting.pop()
            if (key := tuple_of(one)) not in seen:
                seen.add(key)
                for zone, entry in self._in_all_zones(one):
                    self._delete(one, zone)
                    waiting += entry.original, entry.reply

    def entries(self) -> Iterator[Conntrack]:
        """Every entry of the table, of both families and in all zones, as the kernel lists them; raises OSError."""
        self._ask(_GET, nl.NLM_F_DUMP, b"", None)
        for kind, data in self._answers():
            if kind == nl.NLMSG_ERROR:
                nl.raise_for_error(data)
            elif kind == _NEW:
                yield read_entry(self._node, data, zoned=True)

    def like(self, entry: Conntrack) -> int:
        """How many entries of its source, protocol and zone the table holds, itself among them.

        As connlimit counts behind a ``-p`` (net/netfilter/nf_conncount.c), without what TCP has closed.
        """

        def told(one: Conntrack) -> tuple[object, ...]:
            return one.original.source, one.original.proto, one.zone_orig

        return sum(told(one) == told(entry) and one.state not in _CLOSED for one in self.entries())

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
                self._zones.update(zones_of(nl.attributes(data, nl.HEADER)))

    def _count(self) -> int:
        """How many entries the node's table has, of both families."""
        self._ask(_STATS, 0, b"")
        for _, data in self._answers():
            return int.from_bytes(nl.attributes(data, nl.HEADER).get(_ENTRIES, b""), "big")
        return 0

    def _find(self, packet: Packet, zone: int) -> Conntrack | None:
        self._ask(_GET, 0, _in_zone(zone) + tuple_of(packet), packet.family)
        while data := self._answer():
            kind, sequence = _KIND_AND_SEQUENCE.unpack_from(data)
            if sequence == self._sequence:
                return read_entry(self._node, data, zoned=self.zoned) if kind == _NEW else None
        return None

    def _delete(self, packet: Packet, zone: int) -> None:
        self._ask(_DELETE, 0, _in_zone(zone) + tuple_of(packet), packet.family)
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

    def _ask(self, kind: int, flags: int, payload: bytes, family: int | None = 4) -> None:
        """``family`` None asks for both."""
        self._sequence += 1
        domain = sockets.AF_UNSPEC if family is None else ADDRESS_FAMILIES[family]
        self._socket.send(nl.message(kind, flags, domain, payload, sequence=self._sequence))

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
    return nl.attribute(ZONE, struct.pack("!H", zone)) if zone else b""
