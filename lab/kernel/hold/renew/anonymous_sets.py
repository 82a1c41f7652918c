"""A set without a name (``tcp dport { 22, 80 }``) belongs to its rule and goes with it, so a rule's copy needs a copy of it.

Numbers are those of linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from lab.kernel.ground import nfnetlink as nl
from lab.kernel.ground.nft_expressions import expression
from lab.kernel.hold.renew.channel import GETSET, GETSETELEM, NEWSET, NEWSETELEM, NUMBERS, Channel

_SET_TABLE, _SET_NAME, _SET_FLAGS, _SET_ID = 1, 2, 3, 10
# key and data, policy, description, what the tool keeps, objects, expressions; not handle, and not what a set tells of itself
_MADE_OF = (3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 17, 18)
_NESTED_PARTS = frozenset((9, 17, 18))
_ELEMENTS_TABLE, _ELEMENTS_SET, _ELEMENTS, _ELEMENTS_ID = 1, 2, 3, 4
_LOOKUP_SET, _LOOKUP_ID = 1, 4
_ANONYMOUS = 0x1
_DESCRIPTION, _CONCATENATED = 9, 2
_ANY = re.compile(rb"\d+\Z")


class AnonymousSet(NamedTuple):
    """What makes the same set once more: its ``table``, ``name`` (``__set%d``), attributes and elements."""

    table: str
    name: str
    parts: bytes
    elements: tuple[bytes, ...]
    asked: bytes

    def messages(self, family: str, ident: int) -> list[bytes]:
        """The messages that make it, with a number that the rule names it by."""
        named = nl.text(1, self.table) + nl.text(2, self.name)
        made = nl.message(NEWSET, nl.NLM_F_CREATE, NUMBERS[family], named + self.parts + nl.number(_SET_ID, ident))
        filled = (
            nl.message(
                NEWSETELEM, nl.NLM_F_CREATE, NUMBERS[family],
                named + nl.number(_ELEMENTS_ID, ident) + nl.nest(_ELEMENTS, part),
            )
            for part in self.elements
        )  # fmt: skip
        return [made, *filled]

    def lookup(self, ident: int) -> bytes:
        """The expression that asks it."""
        return expression("lookup", nl.text(_LOOKUP_SET, self.name), nl.number(_LOOKUP_ID, ident), self.asked)


def anonymous_set(channel: Channel, key: tuple[str, str, str, int], lookup: bytes) -> AnonymousSet | None:
    """The set that an expression asks, if it has no name; raises NotInPlace."""
    asked = nl.attributes(nl.attributes(lookup, 4)[2])
    name = asked.pop(_LOOKUP_SET)[:-1]
    if not name.startswith(b"__"):
        return None
    family, table = key[:2]
    wanted = nl.text(1, table) + nl.text(2, name.decode())
    parts = nl.attributes(channel.get(GETSET, family, wanted), nl.HEADER)
    if not int.from_bytes(parts.get(_SET_FLAGS, b""), "big") & _ANONYMOUS:
        return None
    listed = [nl.attributes(data, nl.HEADER)[_ELEMENTS] for data in channel.dump(GETSETELEM, family, wanted)]
    if _CONCATENATED not in nl.attributes(parts.get(_DESCRIPTION, b"")):
        # a tree lists from above what is to be added from below; of concatenations the order stays
        listed = [b"".join(reversed(list(_split(part)))) for part in reversed(listed)]
    flags = dict.fromkeys(_NESTED_PARTS, nl.NESTED)
    made_of = (nl.attribute(kind | flags.get(kind, 0), parts[kind]) for kind in _MADE_OF if kind in parts)
    rest = b"".join(nl.attribute(kind, value) for kind, value in asked.items())
    return AnonymousSet(table, _ANY.sub(b"%d", name).decode(), b"".join(made_of), tuple(filter(None, listed)), rest)


def _split(nested: bytes) -> Iterator[bytes]:
    start = 0
    while start + 4 <= len(nested):
        end = start + (max(struct.unpack_from("=H", nested, start)[0], 4) + 3 & ~3)
        yield nested[start:end]
        start = end
