"""Routing rules as requests of rtnetlink.  Numbers are those of linux/rtnetlink.h and linux/fib_rules.h."""

from __future__ import annotations

import struct
from ipaddress import IPv4Network, IPv6Network

from lab.kernel.ground.families import ADDRESS_FAMILIES
from lab.kernel.ground.nfnetlink import attribute, text
from lab.kernel.ground.rtnetlink import ADD, Request, small_table, word

_NEWRULE, _DELRULE = 32, 33
_TO_TABLE = 1  # FR_ACT_TO_TBL
_DST, _SRC, _IIFNAME, _PRIORITY, _FWMARK, _TABLE, _FWMASK, _OIFNAME = 1, 2, 3, 6, 10, 15, 16, 17


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
) -> Request:
    """A rule of ``family`` (4 or 6) that looks ``table`` up for what the other words select together, else for all."""
    prefixes = [(kind, prefix) for kind, prefix in ((_DST, destination), (_SRC, source)) if prefix is not None]
    names = [(kind, name) for kind, name in ((_IIFNAME, iif), (_OIFNAME, oif)) if name is not None]
    words = [(kind, value) for kind, value in ((_FWMARK, fwmark), (_FWMASK, mask)) if value is not None]
    lengths = [0 if prefix is None else prefix.prefixlen for prefix in (destination, source)]
    body = _header(family, table, *lengths) + word(_TABLE, table) + word(_PRIORITY, priority)
    body += b"".join(attribute(kind, prefix.network_address.packed) for kind, prefix in prefixes)
    body += b"".join(text(kind, name) for kind, name in names)
    return Request(what, _NEWRULE, ADD, body + b"".join(word(kind, value) for kind, value in words))


def no_rule(what: str, family: int, table: int, priority: int) -> Request:
    """The rule of this table and priority taken away."""
    return Request(what, _DELRULE, 0, _header(family, table) + word(_TABLE, table) + word(_PRIORITY, priority))


def _header(family: int, table: int, dst_length: int = 0, src_length: int = 0) -> bytes:
    """Struct fib_rule_hdr."""
    return struct.pack(
        "=BBBBBBBBI", ADDRESS_FAMILIES[family], dst_length, src_length, 0, small_table(table), 0, 0, _TO_TABLE, 0
    )
