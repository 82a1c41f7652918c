"""Classes of addresses: those that no rule tells apart, as far as the rules' own words go."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from lab.ruleset.addresses import WIDTH, Addresses, address_of, address_words, size
from lab.study.sources import NEVER
from lab.written.topology import Topology

_MOST_WORDS = 3  # prefixes that a class is called by


class AddressClass(NamedTuple):
    """Addresses that are in the same of some sets; bit ``n`` of ``inside`` tells that they are in the set number ``n``."""

    inside: int
    addresses: Addresses

    def within(self, mask: int) -> int:
        """In which of the sets of a mask they are."""
        return self.inside & mask


class Partition:
    """All addresses of a family, cut wherever one of ``sets`` begins or ends.

    >>> net = ((10 << 24, (10 << 24) + 255),)
    >>> [one.inside for one in Partition(4, [net]).classes]
    [0, 1]
    """

    def __init__(self, family: int, sets: Sequence[Addresses]) -> None:
        self.family = family
        self._lows, self._inside = _cut(family, sets)

    def at(self, number: int) -> int:
        """In which sets an address is, as the bits of `AddressClass.inside`."""
        return self._inside[bisect_right(self._lows, number) - 1]

    @cached_property
    def classes(self) -> tuple[AddressClass, ...]:
        """Every class, by its lowest address."""
        found: dict[int, list[tuple[int, int]]] = {}
        ends = [*(low - 1 for low in self._lows[1:]), (1 << WIDTH[self.family]) - 1]
        for low, high, inside in zip(self._lows, ends, self._inside, strict=True):
            found.setdefault(inside, []).append((low, high))
        return tuple(AddressClass(inside, tuple(ranges)) for inside, ranges in found.items())


def _cut(family: int, sets: Sequence[Addresses]) -> tuple[list[int], list[int]]:
    """The lowest address of each piece, ascending, and in which sets it is."""
    turns: dict[int, int] = {0: 0}
    for number, ranges in enumerate(sets):
        for low, high in ranges:
            turns[low] = turns.get(low, 0) ^ (1 << number)
            turns[high + 1] = turns.get(high + 1, 0) ^ (1 << number)
    lows, inside, now = [], [], 0
    for low in sorted(turns):
        if low < 1 << WIDTH[family]:
            now ^= turns[low]
            lows.append(low)
            inside.append(now)
    return lows, inside


def representatives(addresses: Addresses, family: int, topology: Topology) -> Iterator[str]:
    """Addresses that may speak for all, the likeliest first: one for each of the widest ranges, where a host can have one."""
    for low, high in sorted(addresses, key=lambda one: one[0] - one[1]):
        for number in _candidates(low, high):
            address = address_of(number, family)
            if topology.can_send(str(address)) and not any(address in never for never in NEVER):
                yield str(address)


def _candidates(low: int, high: int) -> Iterator[int]:
    """A few of a range: behind its first, which may be that of a network, and from its middle on."""
    width = high - low
    ahead = range(1, min(width, 64)) if width > 1 else range(width + 1)
    yield from (low + step for step in ahead)
    yield from (number for number in (low + width // 2, high - 1, high, low) if low <= number <= high)


def words_of(addresses: Addresses, family: int, named: Iterable[Addresses], rest: str) -> str:
    """What a class is called: its prefixes, if they are few; else the narrowest of the sets ``named`` that holds it.

    ``rest`` is what addresses are called that no set holds.
    """
    sets = sorted(named, key=size)
    if not sets:
        return rest
    own = address_words(addresses, family)
    if len(own) <= _MOST_WORDS:
        return ", ".join(own)
    outer = address_words(sets[0], family)
    part = "" if outer == own else "the rest of "
    more = f" and {len(outer) - _MOST_WORDS} more" if len(outer) > _MOST_WORDS else ""
    return part + ", ".join(outer[:_MOST_WORDS]) + more
