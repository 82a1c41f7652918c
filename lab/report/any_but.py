"""Nearly all addresses, told by those that are left out: ``any but 10.0.1.0/24``."""

from __future__ import annotations

from collections.abc import Sequence

from lab.ruleset.addresses import NOBODYS, address_words, every, less, read_addresses, size, together

_FEW = 2  # ranges that are told as they are


def any_but(texts: Sequence[str]) -> list[str] | None:
    """The addresses that are left out of all that a host can have, the largest range first; None where that is no shorter.

    >>> any_but(["1.0.0.0-10.0.0.255", "10.0.2.0-126.255.255.255", "128.0.0.0-169.253.255.255", "169.255.0.0-223.255.255.255"])
    ['10.0.1.0/24']
    """
    if len(texts) <= _FEW:
        return None
    family = 6 if ":" in texts[0] else 4
    try:
        named = read_addresses(texts, family)
    except ValueError:
        return None
    left = less(every(family), together((*named, *NOBODYS[family])))
    if any((":" in text) != (family == 6) for text in texts) or size(left) * 2 > size(every(family)) or len(left) >= len(texts):
        return None
    return list(address_words(tuple(sorted(left, key=lambda one: one[0] - one[1])), family))
