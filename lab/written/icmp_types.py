"""The types of ICMP and ICMPv6 by the names that iptables, ip6tables and nft have for them, as (type, code)."""

from __future__ import annotations

from collections.abc import Mapping

ICMP_TYPES = {
    "echo-reply": (0, 0),
    "destination-unreachable": (3, None),
    "network-unreachable": (3, 0),
    "host-unreachable": (3, 1),
    "port-unreachable": (3, 3),
    "fragmentation-needed": (3, 4),
    "source-quench": (4, 0),
    "redirect": (5, None),
    "echo-request": (8, 0),
    "router-advertisement": (9, 0),
    "router-solicitation": (10, 0),
    "time-exceeded": (11, None),
    "ttl-exceeded": (11, 0),
    "parameter-problem": (12, 0),
    "timestamp-request": (13, 0),
    "timestamp-reply": (14, 0),
    "address-mask-request": (17, 0),
    "address-mask-reply": (18, 0),
}
ICMPV6_TYPES = {
    "destination-unreachable": (1, None),
    "no-route": (1, 0),
    "communication-prohibited": (1, 1),
    "adm-prohibited": (1, 1),
    "beyond-scope": (1, 2),
    "address-unreachable": (1, 3),
    "port-unreachable": (1, 4),
    "failed-policy": (1, 5),
    "reject-route": (1, 6),
    "packet-too-big": (2, 0),
    "time-exceeded": (3, None),
    "ttl-exceeded": (3, None),
    "ttl-zero-during-transit": (3, 0),
    "ttl-zero-during-reassembly": (3, 1),
    "parameter-problem": (4, None),
    "bad-header": (4, 0),
    "unknown-header-type": (4, 1),
    "unknown-option": (4, 2),
    "echo-request": (128, 0),
    "echo-reply": (129, 0),
    "mld-query": (130, 0),
    "mld-listener-query": (130, 0),
    "mld-report": (131, 0),
    "mld-listener-report": (131, 0),
    "mld-done": (132, 0),
    "mld-listener-done": (132, 0),
    "mld-listener-reduction": (132, 0),
    "router-solicitation": (133, 0),
    "nd-router-solicit": (133, 0),
    "router-advertisement": (134, 0),
    "nd-router-advert": (134, 0),
    "neighbour-solicitation": (135, 0),
    "neighbor-solicitation": (135, 0),
    "nd-neighbor-solicit": (135, 0),
    "neighbour-advertisement": (136, 0),
    "neighbor-advertisement": (136, 0),
    "nd-neighbor-advert": (136, 0),
    "redirect": (137, 0),
    "nd-redirect": (137, 0),
    "mld2-listener-report": (143, 0),
}
_TYPES: Mapping[str, Mapping[str, tuple[int, int | None]]] = {"icmp": ICMP_TYPES, "icmpv6": ICMPV6_TYPES}
_OTHER = {"icmp": "icmpv6", "icmpv6": "icmp"}
_CALLED = {"icmp": "ICMP", "icmpv6": "ICMPv6"}


def parse_icmp(text: str, proto: str, rest: str) -> tuple[int, int]:
    """Type and code of what follows the slash of ``icmp/…`` or ``icmpv6/…``: a name, ``TYPE`` or ``TYPE.CODE``.

    A name for all codes of a type stands for code 0.  Raises ValueError; ``text`` is what it calls the service.
    """
    if rest in _TYPES[proto]:
        kind, code = _TYPES[proto][rest]
        return kind, code or 0
    called, first, dot, second = _CALLED[proto], *rest.partition(".")
    if not (first.isascii() and first.isdigit()) or (dot and not (second.isascii() and second.isdigit())):
        if rest in _TYPES[_OTHER[proto]]:
            other = _OTHER[proto]
            raise ValueError(f"{text!r}: {rest!r} is no {called} type, but one of {_CALLED[other]}: write {other}/{rest}")
        raise ValueError(f"{text!r}: {rest!r} is no {called} type; write its name ({', '.join(_TYPES[proto])}) or TYPE.CODE")
    kind, number = int(first[:9]), int((second or "0")[:9])
    if kind > 255 or number > 255:
        raise ValueError(f"{text!r}: {called} type and code are between 0 and 255")
    return kind, number
