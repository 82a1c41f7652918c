"""Expressions of nf_tables rules, packed for the lab's own tables; numbers are those of linux/netfilter/nf_tables.h."""

from __future__ import annotations

from lab.kernel.ground import nfnetlink as nl

META_NFTRACE, META_NFPROTO, META_L4PROTO = 12, 15, 16
NETWORK, TRANSPORT = 1, 2
DROP, ACCEPT = 0, 1


def expression(name: str, *parts: bytes) -> bytes:
    """One expression of a rule by its kernel name."""
    return nl.nest(1, nl.text(1, name), nl.nest(2, *parts))


def meta(key: int) -> bytes:
    """Load a key of the packet (NFT_META_*) into register 1."""
    return expression("meta", nl.number(2, key), nl.number(1, 1))


def header(base: int, offset: int, length: int) -> bytes:
    """Load bytes of the packet into register 1: ``base`` says of which header."""
    return expression("payload", nl.number(1, 1), nl.number(2, base), nl.number(3, offset), nl.number(4, length))


def masked(mask: bytes) -> bytes:
    """Keep of register 1 what ``mask`` has set."""
    return expression(
        "bitwise", nl.number(1, 1), nl.number(2, 1), nl.number(3, len(mask)),
        nl.nest(4, nl.attribute(1, mask)), nl.nest(5, nl.attribute(1, bytes(len(mask)))),
    )  # fmt: skip


def equals(value: bytes) -> bytes:
    """Go on only if register 1 is ``value``."""
    return expression("cmp", nl.number(1, 1), nl.number(2, 0), nl.nest(3, nl.attribute(1, value)))


def one_of(name: str) -> bytes:
    """Go on only if register 1 is in the set of this name."""
    return expression("lookup", nl.text(1, name), nl.number(2, 1))


def verdict(code: int) -> bytes:
    """End with this verdict."""
    return expression("immediate", nl.number(1, 0), nl.nest(2, nl.nest(2, nl.number(1, code))))


def counter() -> bytes:
    """Count packets and bytes."""
    return expression("counter")
