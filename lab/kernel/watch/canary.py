"""Packets from an address that no topology can have: the lab's own table drops them, and must tell of each."""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from lab.kernel.ground.families import ADDRESS_FAMILIES, ETHERTYPES
from lab.kernel.ground.headers import ip_header
from lab.kernel.ground.namespace import Namespace
from lab.kernel.watch.trace_table import CANARIES, ENTRIES, canary_ports

CANARY_SOURCES = frozenset(sockets.inet_ntop(ADDRESS_FAMILIES[family], address) for family, address in CANARIES.items())
_LOOPBACKS = {4: "127.0.0.1", 6: "::1"}


class Canary:
    """In each of the node's ``families`` two packets, one into PREROUTING and one into OUTPUT.

    They are for the table with a ``number``; see `trace_table.canary_ports`.
    """

    def __init__(self, namespace: Namespace, families: Sequence[int], number: int) -> None:
        self._loop = namespace.socket(sockets.AF_PACKET, sockets.SOCK_RAW)
        self._loop.bind(("lo", 0))
        self._raw = {
            family: namespace.socket(ADDRESS_FAMILIES[family], sockets.SOCK_RAW, sockets.IPPROTO_RAW) for family in families
        }
        self._packets = {family: _packet(family, number) for family in families}

    def send(self) -> None:
        """Send all of them."""
        for family, raw in self._raw.items():
            self._loop.send(bytes(12) + ETHERTYPES[family] + self._packets[family])
            with suppress(PermissionError):  # a drop in OUTPUT is told to the sender as EPERM
                raw.sendto(self._packets[family], (_LOOPBACKS[family], 0))

    def missing(self, seen: Collection[tuple[str, str]]) -> str | None:
        """What is wrong when (source, entry chain) of ``seen`` are all that was told; None when nothing is."""
        missing = [
            f"{chain} of IPv{family}"
            for family in self._raw
            for chain in ENTRIES
            if (sockets.inet_ntop(ADDRESS_FAMILIES[family], CANARIES[family]), chain) not in seen
        ]
        return f"the canary was not seen in {' and '.join(missing)}" if missing else None

    def closers(self) -> tuple[Callable[[], None], ...]:
        """What is to be called to let it go, in any order."""
        return self._loop.close, *(raw.close for raw in self._raw.values())


def _packet(family: int, number: int) -> bytes:
    datagram = canary_ports(number) + struct.pack("!HH", 8, 0)
    here = sockets.inet_pton(ADDRESS_FAMILIES[family], _LOOPBACKS[family])
    return ip_header(CANARIES[family], here, sockets.IPPROTO_UDP, len(datagram)) + datagram
