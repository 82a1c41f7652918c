"""Ranges of addresses in words, ``10.0.0.1-10.0.0.9``, wherever a prefix may stand for the addresses in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import summarize_address_range

from lab.written.words import Address, Network, is_address, parse_address


@dataclass(frozen=True, slots=True)
class AddressRange:
    """The addresses of one family from ``first`` to ``last``, both among them."""

    first: Address
    last: Address

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.first.version

    def __contains__(self, address: Address) -> bool:
        return address.version == self.version and int(self.first) <= int(address) <= int(self.last)

    def prefixes(self) -> Iterator[Network]:
        """The fewest prefixes that have these addresses and no other."""
        return summarize_address_range(self.first, self.last)


def is_range(word: str) -> bool:
    """Whether two addresses with a hyphen between them are written."""
    first, hyphen, last = word.partition("-")
    return bool(hyphen) and is_address(first.strip()) and is_address(last.strip())


def parse_range(word: str) -> AddressRange:
    """The range that is written; ValueError where it is none: two families, or the last address before the first."""
    first, _, last = word.partition("-")
    found = AddressRange(parse_address(first.strip()), parse_address(last.strip()))
    if found.first.version != found.last.version:
        raise ValueError(f"{word!r} begins in one family and ends in the other")
    if int(found.last) < int(found.first):
        raise ValueError(f"{word!r} ends before it begins\nwrite {found.last}-{found.first}")
    return found
