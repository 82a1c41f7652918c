"""Tables of ip_tables: taken as they are and put in their own place, so that every match is made anew.

The kernel gives a table's entries without what a match remembers (xt_match_to_user copies up to ``usersize``), which is what
iptables-legacy itself works with; counters begin at zero and are added again.  What has a name (``recent``, ``hashlimit``)
would be found by the new entries before the old ones let go of it (``__do_replace``), so then the tables are empty in between.
Numbers and structures are those of linux/netfilter_ipv4/ip_tables.h, ip6_tables.h and netfilter/x_tables.h.
"""

from __future__ import annotations

import ctypes
import socket as sockets
import struct
import sys
from collections.abc import Iterable
from typing import NamedTuple

from lab.errors import MeasurementError, Problem
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.syscalls import getsockopt
from lab.kernel.hold.renew.channel import NotInPlace

_SET_REPLACE, _SET_ADD_COUNTERS, _GET_INFO, _GET_ENTRIES = 64, 65, 64, 65
_INFO = struct.Struct("=32s13I")  # name, valid_hooks, hook_entry[5], underflow[5], num_entries, size
_ENTRIES = struct.Struct("@32sI0Q")
_REPLACE = struct.Struct("@32s14IP")
_COUNTERS = struct.Struct("@32sI0Q")
_COUNTER_BYTES = 16
_FAMILIES = {"ip": (sockets.AF_INET, sockets.IPPROTO_IP), "ip6": (sockets.AF_INET6, sockets.IPPROTO_IPV6)}
_ENTRY = {"ip": struct.Struct("@84xIHHI16x0Q"), "ip6": struct.Struct("@136xIHHI0Q16x")}  # struct ipt_entry, ip6t_entry
_STANDARD, _ERROR = struct.Struct("@H29sBi0Q"), struct.Struct("@H29sB30s0Q")
_COUNTED_AT = {"ip": 96, "ip6": 152}  # where the entry's packets stand: in its struct xt_counters
_HOOKS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
_ACCEPT = -2  # - NF_ACCEPT - 1


class _Content(NamedTuple):
    """What a table is replaced by: where its hooks begin and end, how many entries, and these."""

    hooks: tuple[int, ...]
    number: int
    entries: bytes


def renew_tables(namespace: Namespace, places: Iterable[tuple[str, str]], *, emptied: bool) -> None:
    """Make all that the rules of these tables (family, name) remember fresh; what has a name only if they are ``emptied``.

    Raises NotInPlace, and MeasurementError when a table is not what it was.
    """
    tables = [_Table(namespace, family, name) for family, name in places]
    try:
        found = [table.content() for table in tables]
        counters = [table.replace(empty(table.family, of.hooks)) for table, of in zip(tables, found, strict=True) if emptied]
        for number, (table, of) in enumerate(zip(tables, found, strict=True)):
            counted = table.replace(of)
            table.add(counters[number] if emptied else counted)
    except OSError as error:
        raise MeasurementError(Problem(f"a table of ip_tables cannot be put in its own place: {error.strerror}")) from error
    finally:
        for table in tables:
            table.close()


def packets_of(namespace: Namespace, family: str, table: str) -> dict[tuple[str, int], int]:
    """The packets that each rule of a table counted, by its chain and number; 0 is the number of a chain's policy."""
    of = _Table(namespace, family, table)
    try:
        return counted(family, of.content())
    finally:
        of.close()


def counted(family: str, content: _Content) -> dict[tuple[str, int], int]:
    """The same of a table's entries.

    A chain begins where a hook does, or behind an ERROR entry that bears its name, and ends in an entry without conditions:
    at an underflow that of its policy, else the implicit return (ip_tables.h, and the tool's own libiptc).
    """
    layout, entries = _ENTRY[family], content.entries
    valid, hooks, underflows = content.hooks[0], content.hooks[1:6], content.hooks[6:11]
    begins = {at: name for number, (at, name) in enumerate(zip(hooks, _HOOKS, strict=True)) if valid >> number & 1}
    ends = {at for number, at in enumerate(underflows) if valid >> number & 1}
    found: dict[tuple[str, int], int] = {}
    chain, number, start, policy = "", 0, 0, frozenset(ends)
    while start < len(entries):
        _, target, size, _ = layout.unpack_from(entries, start)
        if start in begins:
            chain, number = begins[start], 0
        kind = _STANDARD.unpack_from(entries, start + target)[1].rstrip(b"\0")
        if kind == b"ERROR":
            chain, number = _ERROR.unpack_from(entries, start + target)[3].partition(b"\0")[0].decode(), 0
        else:
            number += 1
            packets = int.from_bytes(entries[start + _COUNTED_AT[family] :][:8], sys.byteorder)
            found[chain, 0 if start in policy else number] = packets
        start += size
    return found


class _Table:
    def __init__(self, namespace: Namespace, family: str, name: str) -> None:
        if family not in _FAMILIES:
            raise NotInPlace(f"{family} is no family of ip_tables")
        self.family, self._name = family, name.encode()
        kind, self._level = _FAMILIES[family]
        self._socket = namespace.socket(kind, sockets.SOCK_RAW, sockets.IPPROTO_RAW)
        self._number = 0

    def content(self) -> _Content:
        info = ctypes.create_string_buffer(_INFO.pack(self._name, *[0] * 13), _INFO.size)
        getsockopt(self._socket.fileno(), self._level, _GET_INFO, info)
        _, *hooks, self._number, size = _INFO.unpack(info.raw)
        entries = ctypes.create_string_buffer(_ENTRIES.pack(self._name, size), _ENTRIES.size + size)
        getsockopt(self._socket.fileno(), self._level, _GET_ENTRIES, entries)
        return _Content(tuple(hooks), self._number, entries.raw[_ENTRIES.size :])

    def replace(self, by: _Content) -> bytes:
        """Returns the counters of what was there."""
        counters = ctypes.create_string_buffer(self._number * _COUNTER_BYTES)
        valid, *places = by.hooks
        head = _REPLACE.pack(
            self._name, valid, by.number, len(by.entries), *places, self._number, ctypes.addressof(counters)
        )
        self._socket.setsockopt(self._level, _SET_REPLACE, head + by.entries)
        self._number = by.number
        return counters.raw

    def add(self, counters: bytes) -> None:
        head = _COUNTERS.pack(self._name, self._number)
        self._socket.setsockopt(self._level, _SET_ADD_COUNTERS, head + counters)

    def close(self) -> None:
        self._socket.close()


def empty(family: str, hooks: tuple[int, ...]) -> _Content:
    """A table with the same hooks that lets everything pass."""
    entry, valid = _ENTRY[family], hooks[0]
    rule = entry.pack(0, entry.size, entry.size + _STANDARD.size, 0) + _STANDARD.pack(_STANDARD.size, b"", 0, _ACCEPT)
    last = entry.pack(0, entry.size, entry.size + _ERROR.size, 0) + _ERROR.pack(_ERROR.size, b"ERROR", 0, b"ERROR")
    number, places = 0, []
    for hook in range(5):
        places.append(number * len(rule))
        number += valid >> hook & 1
    return _Content((valid, *places, *places), number + 1, rule * number + last)
