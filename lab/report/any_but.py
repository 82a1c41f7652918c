"""Nearly all addresses, told by those that are left out: ``any but 10.0.1.0/24``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network, summarize_address_range

_NOBODYS = {
    4: ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"),
    6: ("::/127", "::ffff:0:0/96", "100::/64", "fe80::/10", "ff00::/8"),
}
"""What no host beyond a link has: "any" is said of all but these."""
_FEW = 2  # ranges that are told as they are
_Range = tuple[int, int]
_BITS = {4: 32, 6: 128}


def any_but(texts: Sequence[str]) -> list[str] | None:
    """The addresses that are left out of all that a host can have, the largest range first; None where that is no shorter.

    >>> any_but(["1.0.0.0-10.0.0.255", "10.0.2.0-126.255.255.255", "128.0.0.0-169.253.255.255", "169.255.0.0-223.255.255.255"])
    ['10.0.1.0/24']
    """
    if len(texts) <= _FEW:
        return None
    try:
        ranges = [_range(text) for text in texts]
    except ValueError:
        return None
    families = {family for family, _ in ranges}
    if len(families) != 1:
        return None
    (family,) = families
    nobodys = [_range(text)[1] for text in _NOBODYS[family]]
    covered = _joined([*(one for _, one in ranges), *nobodys])
    left = _gaps(covered, (1 << _BITS[family]) - 1)
    if sum(high - low + 1 for low, high in left) * 2 > 1 << _BITS[family] or len(left) >= len(texts):
        return None
    ordered = sorted(left, key=lambda one: one[0] - one[1])
    return [_text(low, high, family) for low, high in ordered]


def _range(text: str) -> tuple[int, _Range]:
    low, dash, high = text.partition("-")
    if dash:
        first, last = ip_address(low), ip_address(high)
        return first.version, (int(first), int(last))
    network = ip_network(text, strict=False)
    return network.version, (int(network.network_address), int(network.broadcast_address))


def _joined(ranges: Iterable[_Range]) -> list[_Range]:
    found: list[_Range] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((low, high))
    return found


def _gaps(covered: Iterable[_Range], last: int) -> list[_Range]:
    gaps, start = [], 0
    for low, high in covered:
        gaps += [(start, low - 1)] if low > start else []
        start = high + 1
    return [*gaps, (start, last)] if start <= last else gaps


def _text(low: int, high: int, family: int) -> str:
    first, last = (IPv4Address(low), IPv4Address(high)) if family == 4 else (IPv6Address(low), IPv6Address(high))
    if low == high:
        return str(first)
    networks = list(summarize_address_range(first, last))
    return str(networks[0]) if len(networks) == 1 else f"{first}-{last}"
