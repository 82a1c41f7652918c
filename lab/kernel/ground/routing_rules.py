"""Routing rules as requests of rtnetlink.  Numbers are those of linux/rtnetlink.h and linux/fib_rules.h."""

from __future__ import annotations

import struct
from ipaddress import IPv4Network, IPv6Network

from lab.kernel.ground.families import ADDRESS_FAMILIES
from lab.kernel.ground.nfnetlink import attribute, text
from lab.kernel.ground.rtnetlink import ADD, Request, small_table, word

_NEWRULE, _DELRULE = 32, 33
_ACTIONS = {"lookup": 1, "goto": 2, "nop": 3, "blackhole": 6, "unreachable": 7, "prohibit": 8}
_DST, _SRC, _IIFNAME, _GOTO, _PRIORITY, _FWMARK, _FLOW, _SUPPRESS, _TABLE = 1, 2, 3, 4, 6, 10, 11, 14, 15
_FWMASK, _OIFNAME, _UID_RANGE, _IP_PROTO, _SPORT_RANGE, _DPORT_RANGE = 16, 17, 20, 22, 23, 24
_INVERT = 2  # FIB_RULE_INVERT


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


def _header(
    family: int, table: int, dst_length: int = 0, src_length: int = 0, *, tos: int = 0, action: str = "lookup", flags: int = 0
) -> bytes:
    """Struct fib_rule_hdr."""
    return struct.pack(
        "=BBBBBBBBI", ADDRESS_FAMILIES[family], dst_length, src_length, tos, small_table(table), 0, 0, _ACTIONS[action], flags
    )
