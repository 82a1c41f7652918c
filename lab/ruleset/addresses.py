"""Sets of addresses as ascending ranges of numbers, as `lab.ruleset.rule` has ports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network, summarize_address_range

Addresses = tuple[tuple[int, int], ...]
"""Ascending ranges of one family that do not touch, both ends included."""

WIDTH = {4: 32, 6: 128}


def together(ranges: Iterable[tuple[int, int]]) -> Addresses:
    """Ranges in any order, as one set.

    >>> together([(7, 9), (1, 3), (4, 5)])
    ((1, 5), (7, 9))
    """
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return tuple(found)


def range_of(word: str, family: int) -> tuple[int, int] | None:
    """The addresses of ``10.0.0.0/8``, ``10.0.0.0/255.0.0.0``, ``10.0.0.1-10.0.0.9`` or one address; None where it is of the
    other family.  Raises ValueError for what is none of these.

    >>> range_of("0.0.0.8/30", 4), range_of("::/0", 4)
    ((8, 11), None)
    """
    first, dash, last = word.partition("-")
    if dash:
        low, high = ip_address(first), ip_address(last)
        if low.version != high.version or int(low) > int(high):
            raise ValueError(f"{word!r} is no range of addresses")
        return (int(low), int(high)) if low.version == family else None
    net = ip_network(word, strict=False)
    return (int(net.network_address), int(net.broadcast_address)) if net.version == family else None


def read_addresses(words: Iterable[str], family: int) -> Addresses:
    """What these words name of a family; raises ValueError for a word that is no address, prefix or range.

    >>> address_words(read_addresses(["10.0.0.0/25", "10.0.0.128/25", "2001:db8::/32"], 4), 4)
    ('10.0.0.0/24',)
    """
    return together(found for word in words if (found := range_of(word, family)) is not None)


def of_networks(networks: Iterable[IPv4Network | IPv6Network], family: int) -> Addresses:
    """The addresses of these networks that are of a family.

    >>> of_networks([ip_network("0.0.0.8/30"), ip_network("0.0.0.9/32"), ip_network("::/0")], 4)
    ((8, 11),)
    """
    own = (net for net in networks if net.version == family)
    return together((int(net.network_address), int(net.broadcast_address)) for net in own)


def of_hosts(hosts: Iterable[IPv4Address | IPv6Address], family: int) -> Addresses:
    """These addresses, as far as they are of a family.

    >>> of_hosts([ip_address("0.0.0.9"), ip_address("::1")], 4)
    ((9, 9),)
    """
    return together((int(host), int(host)) for host in hosts if host.version == family)


def every(family: int) -> Addresses:
    """All addresses of a family.

    >>> size(every(4)) == 2**32
    True
    """
    return ((0, (1 << WIDTH[family]) - 1),)


def common(left: Addresses, right: Addresses) -> Addresses:
    """What is in both.

    >>> common(((1, 5), (9, 12)), ((4, 10),))
    ((4, 5), (9, 10))
    """
    found: list[tuple[int, int]] = []
    i = j = 0
    while i < len(left) and j < len(right):
        low, high = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if low <= high:
            found.append((low, high))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return tuple(found)


def less(left: Addresses, right: Addresses) -> Addresses:
    """What is in the left alone.

    >>> less(((1, 9),), ((3, 4), (9, 20)))
    ((1, 2), (5, 8))
    """
    found: list[tuple[int, int]] = []
    j = 0
    for low, high in left:
        while j < len(right) and right[j][1] < low:
            j += 1
        at = j
        while low <= high and at < len(right) and right[at][0] <= high:
            if right[at][0] > low:
                found.append((low, right[at][0] - 1))
            low = right[at][1] + 1
            at += 1
        if low <= high:
            found.append((low, high))
    return tuple(found)


def holds(addresses: Addresses, number: int) -> bool:
    """Whether an address is among them.

    >>> holds(((1, 3), (7, 9)), 8)
    True
    """
    return any(low <= number <= high for low, high in addresses)


def size(addresses: Addresses) -> int:
    """How many they are.

    >>> size(((1, 3), (7, 9)))
    6
    """
    return sum(high - low + 1 for low, high in addresses)


def address_of(number: int, family: int) -> IPv4Address | IPv6Address:
    """The address that a number stands for.

    >>> str(address_of(1, 6))
    '::1'
    """
    return IPv4Address(number) if family == 4 else IPv6Address(number)


def address_words(addresses: Addresses, family: int) -> tuple[str, ...]:
    """One word for each range: a prefix where it is one, an address alone, else ``first-last``.

    >>> address_words(((8, 11), (20, 20), (30, 32)), 4)
    ('0.0.0.8/30', '0.0.0.20', '0.0.0.30-0.0.0.32')
    """
    return tuple(_words(addresses, family))


def _words(addresses: Addresses, family: int) -> Iterator[str]:
    for low, high in addresses:
        first, last = address_of(low, family), address_of(high, family)
        prefixes = list(summarize_address_range(first, last))
        yield str(first) if low == high else str(prefixes[0]) if len(prefixes) == 1 else f"{first}-{last}"


NOBODYS = {
    family: read_addresses((
        "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3",
        "::/127", "::ffff:0:0/96", "100::/64", "fe80::/10", "ff00::/8",
    ), family) for family in WIDTH
}  # fmt: skip
"""By family what no host beyond a link has: loopback, link-local, multicast, reserved and discarded addresses (RFC 6890)."""
