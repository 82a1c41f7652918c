"""One thing that a rule asks of a packet, and whether a packet has it: yes, no, or nobody knows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lab.ruleset.addresses import Addresses
from lab.ruleset.conditions import (
    DESTINATIONS,
    DPORTS,
    ENTERED,
    ICMP_TYPES,
    LEFT,
    ORIGINAL_DPORTS,
    ORIGINAL_SPORTS,
    PORTS,
    PROTO,
    SOURCES,
    SPORTS,
    STATES,
    is_interface,
)

FAMILY, FLAGS, LOCAL_SOURCE, LOCAL_DESTINATION = "family", "flags", "local_source", "local_destination"
SOURCE_IN, DESTINATION_IN = "source_in", "destination_in"
"""The ipset that an address is in."""
MARK, DIRECTION = "mark", "direction"
"""The packet mark, as (value, mask); which way of its connection a packet goes, ``ORIGINAL`` or ``REPLY``."""
TOGETHER = "together"
"""Several things at once, as elements of a set name them (nft's concatenations): whether a packet has them is not read."""


class Asked(NamedTuple):
    """``values`` as they compare: ranges of ports or addresses, names of interfaces, (type, code) with None for any code.

    ``words`` are those of the rule.
    """

    field: str
    values: tuple[Any, ...]
    words: str
    negated: bool = False


class Whole(NamedTuple):
    """All that a rule asks, ``verdicts`` of one that ends in a verdict map: each of its keys, with what it says of it."""

    asked: tuple[Asked, ...]
    verdicts: tuple[tuple[Asked, str], ...] = ()


class Either(NamedTuple):
    """Several things at once, in one of these ways or in none of them: nft's concatenations, element by element."""

    ways: tuple[tuple[Asked, ...], ...]
    negated: bool = False


class Partly(NamedTuple):
    """What is understood of a rule, and what is not: ``unread`` has the words of each part, which holds or does not.

    ``verdicts`` as in `Whole`; ``sets`` are nft's statements that write a mark (``meta mark set 0x1``), ``either`` what is
    asked together.
    """

    asked: tuple[Asked, ...]
    unread: tuple[str, ...] = ()
    verdicts: tuple[tuple[Asked, str], ...] = ()
    sets: tuple[str, ...] = ()
    either: tuple[Either, ...] = ()


@dataclass(frozen=True, slots=True)
class Met:
    """A packet where a rule sees it: all that rules ask about; None is what is not known.

    ``entered`` and ``left`` are interfaces, ``states`` what conntrack may call it.  ``translated`` tells that its destination
    is another by now than the one that it came with, whose port ``original_dport`` is.  ``own`` are the node's addresses, as
    numbers, ``sets`` the ipsets of addresses that nothing changes, ``mark`` is its packet mark.
    """

    family: int
    proto: str
    source: int
    destination: int
    sport: int | None = None
    dport: int | None = None
    flags: int = 0
    code: int = 0
    entered: str | None = None
    left: str | None = None
    states: Collection[str] | None = None
    translated: bool | None = None
    original_sport: int | None = None
    original_dport: int | None = None
    own: Collection[int] | None = None
    sets: Mapping[str, Addresses] = field(default_factory=dict, hash=False)
    mark: int | None = None

    @property
    def is_icmp(self) -> bool:
        """Whether its ``flags`` are a type of ICMP."""
        return self.proto in ("icmp", "icmpv6")


def has(asked: Asked, met: Met) -> bool | None:
    """Whether the packet has what is asked; None where that is not known.

    >>> has(Asked("dports", ((80, 80),), "--dport 80"), Met(4, "tcp", 1, 2, dport=443))
    False
    """
    found = _TESTS[asked.field](asked.values, met)
    return None if found is None else found != asked.negated


_Test = Callable[[tuple[Any, ...], Met], bool | None]


def _address(field: str) -> _Test:
    def test(values: tuple[Any, ...], met: Met) -> bool:
        # the header of the other family is not there, whatever it is compared with
        number: int = getattr(met, field)
        return any(family == met.family and _in(ranges, number) for family, ranges in values)

    return test


def _in(ranges: Addresses, number: int) -> bool:
    """`holds`, for sets of many thousands."""
    place = bisect_right(ranges, (number, 2**128))
    return place > 0 and ranges[place - 1][0] <= number <= ranges[place - 1][1]


def _port(*fields: str) -> _Test:
    def test(values: tuple[Any, ...], met: Met) -> bool:
        found = [port for field in fields if (port := getattr(met, field)) is not None]
        return any(low <= port <= high for low, high in values for port in found)

    return test


def _original(field: str) -> _Test:
    def test(values: tuple[Any, ...], met: Met) -> bool | None:
        # what conntrack does not track has no first packet
        return None if met.states is None else _port(field)(values, met)

    return test


def _interface(field: str) -> _Test:
    def test(values: tuple[Any, ...], met: Met) -> bool | None:
        name: str | None = getattr(met, field)
        return None if name is None else any(is_interface(str(value), name) for value in values)

    return test


def _state(values: tuple[Any, ...], met: Met) -> bool | None:
    told = [met.translated if value == "DNAT" else None if value == "SNAT" else _among(value, met.states) for value in values]
    return True if True in told else None if None in told else False


def _among(value: object, states: Collection[str] | None) -> bool | None:
    if states is None or (value in states and len(states) > 1):
        return None
    return value in states


def _icmp(values: tuple[Any, ...], met: Met) -> bool:
    return met.is_icmp and any(kind in (met.flags, None) and code in (met.code, None) for kind, code in values)


def _flags(values: tuple[Any, ...], met: Met) -> bool:
    return met.proto == "tcp" and any(met.flags & mask == wanted for mask, wanted in values)


def _protocol(values: tuple[Any, ...], met: Met) -> bool | None:
    # a protocol that the lab has no name for may be any that a rule names
    return True if met.proto in values else None if met.proto.isdecimal() else False


def _mark(values: tuple[Any, ...], met: Met) -> bool | None:
    return None if met.mark is None else any(met.mark & mask == value for value, mask in values)


def _direction(values: tuple[Any, ...], met: Met) -> bool | None:
    # a packet that begins a connection goes its way; of others it is not known
    return None if met.states is None else "ORIGINAL" in values


def _local(field: str) -> _Test:
    def test(_values: tuple[Any, ...], met: Met) -> bool | None:
        return None if met.own is None else getattr(met, field) in met.own

    return test


def _among_set(end: str) -> _Test:
    def test(values: tuple[Any, ...], met: Met) -> bool | None:
        ranges = met.sets.get(values[0])
        return None if ranges is None else _in(ranges, getattr(met, end))

    return test


_TESTS: Mapping[str, _Test] = {
    SOURCES: _address("source"), DESTINATIONS: _address("destination"), SPORTS: _port("sport"), DPORTS: _port("dport"),
    PORTS: _port("sport", "dport"), ORIGINAL_SPORTS: _original("original_sport"), ORIGINAL_DPORTS: _original("original_dport"),
    PROTO: _protocol, FAMILY: lambda values, met: met.family in values,
    ENTERED: _interface("entered"), LEFT: _interface("left"), STATES: _state, ICMP_TYPES: _icmp, FLAGS: _flags,
    SOURCE_IN: _among_set("source"), DESTINATION_IN: _among_set("destination"),
    MARK: _mark, DIRECTION: _direction, LOCAL_SOURCE: _local("source"), LOCAL_DESTINATION: _local("destination"),
    TOGETHER: lambda _values, _met: None,
}  # fmt: skip
