"""Where packets come in at one node, from whom, and where they go: what the lab can send, as far as a topology tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.ruleset.addresses import Addresses


@dataclass(frozen=True, slots=True)
class Entrance:
    """What ``sender`` can send from ``sources`` so that it enters by ``interface``; ``hosts`` are addresses that nodes have."""

    interface: str
    sender: str
    sources: Addresses
    hosts: Addresses = ()


@dataclass(frozen=True, slots=True)
class Lookup:
    """One routing rule: packets with a ``mark`` (value, mask), from ``sources``, entering by one of ``entered`` look here.

    ``ways`` are prefixes, as first and last address, with the interface that they lead out by, None for nowhere; the first
    that holds an address counts.
    """

    ways: tuple[tuple[int, int, str | None], ...]
    mark: tuple[int, int] | None = None
    sources: Addresses | None = None
    destinations: Addresses | None = None
    entered: str | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """The surroundings of ``node``: ``own`` are its addresses by interface, ``lookups`` its routing rules in their order.

    ``hosts`` are the addresses of other nodes.
    """

    node: str
    family: int
    own: Mapping[str, Addresses]
    entrances: tuple[Entrance, ...]
    lookups: tuple[Lookup, ...]
    hosts: Addresses = ()
