"""Routes as requests of rtnetlink.  Numbers are those of linux/rtnetlink.h."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from lab.kernel.ground.families import ADDRESS_FAMILIES
from lab.kernel.ground.nfnetlink import NLM_F_CREATE, attribute, nest
from lab.kernel.ground.rtnetlink import ADD, MAIN_TABLE, NLM_F_REPLACE, Request, small_table, word

_NEWROUTE, _DELROUTE = 24, 25
_DST, _SRC, _OIF, _GATEWAY, _PRIORITY, _PREFSRC, _METRICS, _MULTIPATH, _FLOW, _TABLE, _VIA = 1, 2, 4, 5, 6, 7, 8, 9, 11, 15, 18
_RTPROT_STATIC = 4
_SCOPE_UNIVERSE, _SCOPE_LINK, _SCOPE_HOST, _SCOPE_NOWHERE = 0, 253, 254, 255
_ANYBODY, _ANY_KIND = 0, 0  # RTPROT_UNSPEC, RTN_UNSPEC: what a deletion leaves open
_TYPES = {
    "unicast": 1, "local": 2, "broadcast": 3, "anycast": 4, "multicast": 5, "blackhole": 6, "unreachable": 7, "prohibit": 8,
    "throw": 9,
}  # fmt: skip
_ONLINK = 4  # RTNH_F_ONLINK
_HOP = struct.Struct("=HBBi")  # struct rtnexthop


@dataclass(frozen=True, slots=True)
class Way:
    """Where a route leads: through the gateway ``via``, the interface ``index`` or both."""

    via: IPv4Address | IPv6Address | None = None
    index: int | None = None
    weight: int = 1
    onlink: bool = False


def new_route(
    what: str,
    destination: IPv4Network | IPv6Network,
    ways: Sequence[Way] = (),
    *,
    table: int = MAIN_TABLE,
    kind: str = "unicast",
    metric: int | None = None,
    preferred: IPv4Address | IPv6Address | None = None,
    source: IPv6Network | IPv4Network | None = None,
    scope: int | None = None,
    tos: int = 0,
    realm: int | None = None,
    metrics: Sequence[tuple[int, int]] = (),
) -> Request:
    """A route of a kind of ip-route(8) to ``destination``, by one of ``ways``.

    ``preferred`` is the source of the node's own packets, ``source`` the sources that an IPv6 route is for, ``metrics`` are
    numbers of RTAX_ and their values.
    """
    family = destination.version
    lengths = destination.prefixlen, 0 if source is None else source.prefixlen
    scope = _scope(kind, family, ways) if scope is None or family == 6 else scope
    flags = _ONLINK if len(ways) == 1 and ways[0].onlink else 0
    body = struct.pack(
        "=BBBBBBBBI", ADDRESS_FAMILIES[family], *lengths, tos, small_table(table), _RTPROT_STATIC, scope, _TYPES[kind], flags
    )
    for attribute_kind, prefix in ((_DST, destination), (_SRC, source)):
        if prefix is not None and prefix.prefixlen:
            body += attribute(attribute_kind, prefix.network_address.packed)
    if len(ways) > 1:
        body += attribute(_MULTIPATH, b"".join(_hop(family, way) for way in ways))
    for way in ways if len(ways) == 1 else ():
        body += _gateway(family, way) + (b"" if way.index is None else word(_OIF, way.index))
    if preferred is not None:
        body += attribute(_PREFSRC, preferred.packed)
    if metrics:
        body += nest(_METRICS, *(word(one, value) for one, value in metrics))
    for attribute_kind, value in ((_PRIORITY, metric), (_FLOW, realm)):
        body += b"" if value is None else word(attribute_kind, value)
    return Request(what, _NEWROUTE, ADD, body + word(_TABLE, table))


def replaced(request: Request) -> Request:
    """The same route in the place of one with its destination and metric, where there is one."""
    return replace(request, flags=NLM_F_CREATE | NLM_F_REPLACE)


def no_route(request: Request, *, kind: bool) -> Request:
    """What deletes that route, whoever made it; of any ``kind`` where the line says none."""
    head = request.body[:5] + bytes((_ANYBODY, _SCOPE_NOWHERE, request.body[7] if kind else _ANY_KIND)) + request.body[8:]
    return replace(request, kind=_DELROUTE, flags=0, body=head)


def _scope(kind: str, family: int, ways: Sequence[Way]) -> int:
    """As ip(8) has it: what is on the link can be a gateway."""
    if kind == "local":
        return _SCOPE_HOST
    of_link = kind in ("broadcast", "multicast", "anycast") or (kind == "unicast" and all(way.via is None for way in ways))
    return _SCOPE_LINK if of_link and family == 4 else _SCOPE_UNIVERSE


def _gateway(family: int, way: Way) -> bytes:
    if way.via is None:
        return b""
    if way.via.version == family:
        return attribute(_GATEWAY, way.via.packed)
    return attribute(_VIA, struct.pack("=H", ADDRESS_FAMILIES[way.via.version]) + way.via.packed)


def _hop(family: int, way: Way) -> bytes:
    gateway = _gateway(family, way)
    flags = _ONLINK if way.onlink else 0
    return _HOP.pack(_HOP.size + len(gateway), flags, way.weight - 1, way.index or 0) + gateway
