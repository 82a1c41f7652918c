"""Routing rules as requests of rtnetlink.  Numbers are those of linux/rtnetlink.h and linux/fib_rules.h."""

from __future__ import annotations

import socket as sockets
import struct
from ipaddress import IPv4Network, IPv6Network, ip_network

from lab.kernel.ground.families import ADDRESS_FAMILIES
from lab.kernel.ground.nfnetlink import attribute, attributes, text
from lab.kernel.ground.rtnetlink import ADD, Request, dump, small_table, word
from lab.written.routing import RoutingRule, RuleAction

_NEWRULE, _DELRULE, _GETRULE = 32, 33, 34
_ACTIONS = {"lookup": 1, "goto": 2, "nop": 3, "blackhole": 6, "unreachable": 7, "prohibit": 8}
_DST, _SRC, _IIFNAME, _GOTO, _PRIORITY, _FWMARK, _FLOW, _SUPPRESS, _TABLE = 1, 2, 3, 4, 6, 10, 11, 14, 15
_FWMASK, _OIFNAME, _UID_RANGE, _IP_PROTO, _SPORT_RANGE, _DPORT_RANGE = 16, 17, 20, 22, 23, 24
_INVERT = 2  # FIB_RULE_INVERT
_WORDS: dict[int, RuleAction] = {1: "lookup", 2: "goto", 3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
_MESSAGE, _RULE_HEADER = 16, 12  # sizeof(struct nlmsghdr), sizeof(struct fib_rule_hdr)
_NO_SUPPRESS = 0xFFFFFFFF


def new_rule(
    what: str,
    family: int,
    table: int,
    priority: int,
    *,
    source: IPv4Network | IPv6Network | None = None,
    destination: IPv4Network | IPv6Network | None = None,
    iif: str | None = None,
    oif: str | None = None,
    fwmark: int | None = None,
    mask: int | None = None,
    action: str = "lookup",
    goto: int | None = None,
    inverted: bool = False,
    tos: int = 0,
    uids: tuple[int, int] | None = None,
    protocol: int | None = None,
    sports: tuple[int, int] | None = None,
    dports: tuple[int, int] | None = None,
    suppress: int | None = None,
    realm: int | None = None,
) -> Request:
    """A rule of ``family`` (4 or 6) that looks ``table`` up for what the other words select together, else for all.

    ``inverted``: for all that they do not select.  ``suppress`` is the longest prefix length of routes that are passed over.
    """
    prefixes = [(kind, prefix) for kind, prefix in ((_DST, destination), (_SRC, source)) if prefix is not None]
    names = [(kind, name) for kind, name in ((_IIFNAME, iif), (_OIFNAME, oif)) if name is not None]
    numbers = ((_FWMARK, fwmark), (_FWMASK, mask), (_GOTO, goto), (_SUPPRESS, suppress), (_FLOW, realm))
    words = [(kind, value) for kind, value in numbers if value is not None]
    ranges = [(kind, span) for kind, span in ((_SPORT_RANGE, sports), (_DPORT_RANGE, dports)) if span is not None]
    lengths = [0 if prefix is None else prefix.prefixlen for prefix in (destination, source)]
    body = _header(family, table, *lengths, tos=tos, action=action, flags=_INVERT if inverted else 0)
    body += (word(_TABLE, table) if table else b"") + word(_PRIORITY, priority)
    body += b"".join(attribute(kind, prefix.network_address.packed) for kind, prefix in prefixes)
    body += b"".join(text(kind, name) for kind, name in names)
    body += b"".join(attribute(kind, struct.pack("=HH", *span)) for kind, span in ranges)
    if uids is not None:
        body += attribute(_UID_RANGE, struct.pack("=II", *uids))
    if protocol is not None:
        body += attribute(_IP_PROTO, bytes([protocol]))
    return Request(what, _NEWRULE, ADD, body + b"".join(word(kind, value) for kind, value in words))


def no_rule(what: str, family: int, table: int, priority: int) -> Request:
    """The rule of this table and priority taken away."""
    return Request(what, _DELRULE, 0, _header(family, table) + word(_TABLE, table) + word(_PRIORITY, priority))


def rules_there(channel: sockets.socket, family: int) -> list[RoutingRule]:
    """The rules of a family (4, 6) where ``channel`` is, in the order in which the kernel asks them; raises OSError."""
    body = struct.pack("=BBBBBBBBI", ADDRESS_FAMILIES[family], 0, 0, 0, 0, 0, 0, 0, 0)
    return [_read(message, family) for message in dump(channel, _GETRULE, body)]


def _read(message: bytes, family: int) -> RoutingRule:
    """A rule of struct fib_rule_hdr and its attributes."""
    _, dst_length, src_length, tos, table, _, _, action, flags = struct.unpack_from("=BBBBBBBBI", message, _MESSAGE)
    found = attributes(message, _MESSAGE + _RULE_HEADER)

    def number(kind: int) -> int | None:
        return struct.unpack("=I", found[kind])[0] if kind in found else None

    def span(kind: int, form: str) -> tuple[int, int] | None:
        return struct.unpack(form, found[kind]) if kind in found else None

    def name(kind: int) -> str | None:
        return found[kind][:-1].decode() if kind in found else None

    word_of = _WORDS.get(action, "nop")
    suppress, mask = number(_SUPPRESS), number(_FWMASK)
    mark = number(_FWMARK) if mask is None else number(_FWMARK) or 0  # of mark 0 only the mask is told
    return RoutingRule(
        "", (number(_TABLE) or table) if word_of == "lookup" else 0, source=_prefix(found.get(_SRC), src_length),
        destination=_prefix(found.get(_DST), dst_length), iif=name(_IIFNAME), oif=name(_OIFNAME), fwmark=mark,
        mask=mask, priority=number(_PRIORITY) or 0, action=word_of, goto=number(_GOTO),
        inverted=bool(flags & _INVERT), tos=tos, uids=span(_UID_RANGE, "=II"),
        protocol=found[_IP_PROTO][0] if _IP_PROTO in found else None, sports=span(_SPORT_RANGE, "=HH"),
        dports=span(_DPORT_RANGE, "=HH"), suppress=None if suppress == _NO_SUPPRESS else suppress, realm=number(_FLOW),
        said_family=family,
    )  # fmt: skip


def _prefix(packed: bytes | None, length: int) -> IPv4Network | IPv6Network | None:
    return None if packed is None else ip_network((packed, length))


def _header(
    family: int, table: int, dst_length: int = 0, src_length: int = 0, *, tos: int = 0, action: str = "lookup", flags: int = 0
) -> bytes:
    """Struct fib_rule_hdr."""
    return struct.pack(
        "=BBBBBBBBI", ADDRESS_FAMILIES[family], dst_length, src_length, tos, small_table(table), 0, 0, _ACTIONS[action], flags
    )
