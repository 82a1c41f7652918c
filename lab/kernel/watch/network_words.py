"""What rtnetlink tells of a node's network, in words: pure, with what is known of its links so far."""

from __future__ import annotations

import socket as sockets
import struct
import sys
from typing import NamedTuple

from lab.kernel.ground import nfnetlink as nl
from lab.kernel.ground.rtnetlink import LOCAL_TABLE, MAIN_TABLE
from lab.record.debrief import Subject

_NEWLINK, _DELLINK, _NEWADDR, _DELADDR, _NEWROUTE, _DELROUTE, _NEWRULE, _DELRULE = 16, 17, 20, 21, 24, 25, 32, 33
_LINK, _ADDRESS, _ROUTE = struct.Struct("=BxHiII"), struct.Struct("=BBBBI"), struct.Struct("=BBBBBBBBI")
_IFF_UP, _CLONED, _KERNEL, _UNICAST = 0x1, 0x200, 2, 1
_TYPES = {1: "", 6: "blackhole ", 7: "unreachable ", 8: "prohibit "}
_FAMILIES = {sockets.AF_INET: 4, sockets.AF_INET6: 6}


class _Link(NamedTuple):
    name: str
    up: bool
    mtu: int


class NetworkWords:
    """Tells in words what changed; a message that changes nothing of what is known is none."""

    def __init__(self) -> None:
        self._links: dict[int, _Link] = {}
        self._addresses: set[str] = set()

    def of(self, kind: int, data: bytes) -> tuple[Subject, str] | None:
        """What a message tells, None for what is nobody's doing: the kernel's own routes, a lifetime."""
        if kind in (_NEWLINK, _DELLINK):
            return self._link(data, gone=kind == _DELLINK)
        if kind in (_NEWADDR, _DELADDR):
            return self._address(data, gone=kind == _DELADDR)
        if kind in (_NEWROUTE, _DELROUTE):
            return self._route(data, "-" if kind == _DELROUTE else "+")
        if kind in (_NEWRULE, _DELRULE):
            return self._rule(data, "-" if kind == _DELRULE else "+")
        return None

    def _name(self, index: int) -> str:
        return self._links[index].name if index in self._links else f"interface {index}"

    def _link(self, data: bytes, *, gone: bool) -> tuple[Subject, str] | None:
        family, _, index, flags, _ = _LINK.unpack_from(data, 16)
        if family != sockets.AF_UNSPEC:
            return None
        found = nl.attributes(data, 16 + _LINK.size)
        now = _Link(_text(found.get(3, b"")), bool(flags & _IFF_UP), int.from_bytes(found.get(4, b"")[:4], sys.byteorder))
        was = self._links.pop(index, None)
        if gone:
            return Subject.LINK, f"- {now.name}"
        self._links[index] = now
        if was is None:
            return Subject.LINK, f"+ {now.name}"
        said = [word for word, one, other in _compared(was, now) if one != other]
        return (Subject.LINK, f"~ {now.name} {', '.join(said)}") if said else None

    def _address(self, data: bytes, *, gone: bool) -> tuple[Subject, str] | None:
        family, length, _, _, index = _ADDRESS.unpack_from(data, 16)
        found = nl.attributes(data, 16 + _ADDRESS.size)
        packed = found.get(2) or found.get(1)
        if family not in _FAMILIES or packed is None:
            return None
        words = f"{sockets.inet_ntop(family, packed)}/{length} dev {self._name(index)}"
        if gone == (words not in self._addresses):
            return None
        (self._addresses.discard if gone else self._addresses.add)(words)
        return Subject.ADDRESS, f"{'-' if gone else '+'} {words}"

    def _route(self, data: bytes, sign: str) -> tuple[Subject, str] | None:
        family, length, _, _, table, protocol, _, kind, flags = _ROUTE.unpack_from(data, 16)
        found = nl.attributes(data, 16 + _ROUTE.size)
        table = int.from_bytes(found[15][:4], sys.byteorder) if 15 in found else table
        own = protocol == _KERNEL and family == sockets.AF_INET6
        if family not in _FAMILIES or flags & _CLONED or table == LOCAL_TABLE or kind not in _TYPES or own:
            return None
        to = (
            f"{sockets.inet_ntop(family, found[1])}/{length}"
            if 1 in found
            else "default" + " (IPv6)" * (family != sockets.AF_INET)
        )
        words = _TYPES[kind] + to
        if 5 in found:
            words += f" via {sockets.inet_ntop(family, found[5])}"
        if 4 in found:
            words += f" dev {self._name(int.from_bytes(found[4][:4], sys.byteorder))}"
        if table != MAIN_TABLE:
            words += f" table {table}"
        return Subject.ROUTE, f"{sign} {words}"

    def _rule(self, data: bytes, sign: str) -> tuple[Subject, str] | None:
        family, to, source, _, table, *_ = _ROUTE.unpack_from(data, 16)
        found = nl.attributes(data, 16 + _ROUTE.size)
        if family not in _FAMILIES:
            return None
        table = int.from_bytes(found[15][:4], sys.byteorder) if 15 in found else table
        words = [f"{int.from_bytes(found.get(6, b'')[:4], sys.byteorder)}:"]
        words.append(f"from {sockets.inet_ntop(family, found[2])}/{source}" if 2 in found else "from all")
        words += [f"to {sockets.inet_ntop(family, found[1])}/{to}"] if 1 in found else []
        words += [f"fwmark {int.from_bytes(found[10][:4], sys.byteorder):#x}"] if 10 in found else []
        words += [f"iif {_text(found[3])}"] if 3 in found else []
        return Subject.RULE, f"{sign} {' '.join(words)} lookup {table}" + (" (IPv6)" if family != sockets.AF_INET else "")


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode(errors="replace")


def _compared(was: _Link, now: _Link) -> tuple[tuple[str, object, object], ...]:
    return (
        ("up" if now.up else "down", was.up, now.up),
        (f"mtu {was.mtu} -> {now.mtu}", was.mtu, now.mtu),
        (f"was called {was.name}", was.name, now.name),
    )
