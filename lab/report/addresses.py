"""Many addresses as a person reads them: as ranges and prefixes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

_Address = IPv4Address | IPv6Address


def addresses_text(addresses: Iterable[str]) -> list[str]:
    """Addresses, ascending: of those that follow one another a range, or the prefix that they fill.

    >>> addresses_text(["10.0.0.9", "10.0.1.3", "10.0.0.8", "10.0.1.1", "10.0.1.2"])
    ['10.0.0.8/31', '10.0.1.1-10.0.1.3']
    """
    known = {ip_address(text) for text in addresses}
    return _joined(sorted(known, key=lambda one: (one.version, int(one))), edges=False)


def edges_text(asked: Sequence[str]) -> list[str]:
    """Neighbours in a list of sources, ascending: as `addresses_text`, and of the two edges of a prefix the prefix.

    >>> edges_text(["192.0.2.0", "192.0.2.255"])
    ['192.0.2.0/24']
    """
    try:
        return _joined([ip_address(text) for text in asked], edges=True)
    except ValueError:
        return list(asked)


def _joined(addresses: Sequence[_Address], *, edges: bool) -> list[str]:
    return [_range(low, high) for low, high in _ranges(addresses, edges=edges)]


def _ranges(addresses: Sequence[_Address], *, edges: bool) -> Iterator[tuple[_Address, _Address]]:
    low = high = None
    for one in addresses:
        if low is not None and high is not None:
            if one.version == high.version and (int(one) == int(high) + 1 or (edges and _prefix(high, one) is not None)):
                high = one
                continue
            yield low, high
        low = high = one
    if low is not None and high is not None:
        yield low, high


def _range(low: _Address, high: _Address) -> str:
    return str(low) if low == high else _prefix(low, high) or f"{low}-{high}"


def _prefix(low: _Address, high: _Address) -> str | None:
    """The prefix that begins and ends with these."""
    size = int(high) - int(low) + 1
    if low.version != high.version or size < 1 or size & (size - 1) or int(low) % size:
        return None
    return f"{low}/{low.max_prefixlen - size.bit_length() + 1}"
