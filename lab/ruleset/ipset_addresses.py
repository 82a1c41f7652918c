"""The addresses in ipsets, where these hold addresses alone and nothing but a rule changes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from lab.ruleset import ipset
from lab.ruleset.addresses import Addresses, read_addresses

_OF_ADDRESSES = frozenset(("hash:ip", "hash:net", "bitmap:ip"))
_ODD = re.compile(r"(?m)^\s*(?:-!\s+|-exist\s+)?create\s+(\S+)\s.*\b(?:netmask|bitmask|timeout)\b")


@lru_cache(maxsize=64)
def addresses_in(text: str, family: int) -> Mapping[str, Addresses]:
    r"""What is in each set that ``text``, as ``ipset save`` prints it, makes; without those that time changes.

    >>> addresses_in("create friends hash:net\nadd friends 10.0.9.0/30\ncreate web bitmap:port range 0-99", 4)
    {'friends': ((167774464, 167774467),)}
    """
    odd = frozenset(_ODD.findall(text))
    found: dict[str, Addresses] = {}
    for name, (kind, entries) in ipset.entries(text).items():
        plain = kind in _OF_ADDRESSES and not any("nomatch" in more or "timeout" in more for more in entries.values())
        if plain and name not in odd:
            try:
                found[name] = read_addresses(entries, family)
            except ValueError:
                continue
    return found
