"""Sets of flows as boxes: sources by destinations by services, each a set of numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import reduce
from typing import NamedTuple

from lab.record.difference import FlowClass
from lab.ruleset.addresses import Addresses, address_words, common, every, less, read_addresses, size, together
from lab.written.cell import Service
from lab.written.icmp_types import parse_icmp

Ranges = Addresses
"""Ascending ranges of numbers that do not touch, both ends included."""

_PORTS = 65_536
_OF_PORTS = {"tcp": 6, "udp": 17, "dccp": 33, "sctp": 132, "udplite": 136}
_ICMP = {"icmp": 1, "icmpv6": 58}
_NAMED = {"igmp": 2, "gre": 47, "esp": 50, "ah": 51}
_ALL = (0, 256 * _PORTS - 1)
_SPAN = re.compile(r"(\d{1,5})(?:[-:](\d{1,5}))?")


class Box(NamedTuple):
    """Every combination of a source, a destination and a service, of one family.

    A service is the protocol's number times 65,536, and the port, or the type of ICMP; 0 where the protocol has neither.
    """

    sources: Ranges
    destinations: Ranges
    services: Ranges

    @property
    def size(self) -> int:
        """How many flows are in it."""
        return size(self.sources) * size(self.destinations) * size(self.services)


def meets(left: Box, right: Box) -> bool:
    """Whether any flow is in both."""
    return all(common(one, other) for one, other in zip(left, right, strict=True))


def without(boxes: Iterable[Box], taken: Box) -> list[Box]:
    """What of the boxes is not in ``taken``, in boxes that do not overlap where these do not."""
    return [piece for box in boxes for piece in (_without(box, taken) if meets(box, taken) else (box,))]


def _without(box: Box, taken: Box) -> Iterator[Box]:
    shared_sources, shared_destinations = common(box.sources, taken.sources), common(box.destinations, taken.destinations)
    pieces = (
        Box(less(box.sources, taken.sources), box.destinations, box.services),
        Box(shared_sources, less(box.destinations, taken.destinations), box.services),
        Box(shared_sources, shared_destinations, less(box.services, taken.services)),
    )
    return (piece for piece in pieces if all(piece))


def count(boxes: Iterable[Box]) -> int:
    """How many flows are in any of the boxes, each once."""
    apart: list[Box] = []
    for box in boxes:
        apart += reduce(without, apart, [box])
    return sum(box.size for box in apart)


def everything(family: int) -> Box:
    """All flows of a family."""
    return Box(every(family), every(family), (_ALL,))


def box_of(found: FlowClass, family: int) -> Box:
    """The flows of a class, or what has them all in it; ValueError for a word that names no flow."""
    services = together(span for word in found.services for span in service_spans(word))
    return Box(read_addresses(found.sources, family), read_addresses(found.destinations, family), services)


def one_flow(source: str, destination: str, service: str) -> Box:
    """The box of one flow; ValueError for what is none."""
    family = 6 if ":" in source else 4
    return Box(read_addresses([source], family), read_addresses([destination], family), together(service_spans(service)))


def service_spans(word: str) -> tuple[tuple[int, int], ...]:
    """What ``tcp/1-1023,8080``, ``udp``, ``icmp/echo-request``, ``proto/47``, ``gre`` or ``any`` names; ValueError for others.

    >>> service_spans("tcp/22") == ((6 * 65536 + 22, 6 * 65536 + 22),)
    True
    """
    proto, _, rest = word.partition("/")
    if proto in ("any", "all") and not rest:
        return (_ALL,)
    if proto in _OF_PORTS:
        base = _OF_PORTS[proto] * _PORTS
        return tuple((base + low, base + high) for low, high in (_spans(rest) if rest else ((1, _PORTS - 1),)))
    if proto in _ICMP:
        base = _ICMP[proto] * _PORTS
        kind = parse_icmp(word, proto, rest)[0] if rest else None
        return ((base, base + 255),) if kind is None else ((base + kind, base + kind),)
    number = _NAMED.get(proto) if not rest else int(rest) if proto == "proto" and rest.isdigit() and len(rest) < 4 else None
    if number is None or number > 255:
        raise ValueError(f"{word!r} is not a service")
    return ((number * _PORTS, number * _PORTS),)


def _spans(ports: str) -> Iterator[tuple[int, int]]:
    """Ranges of ports; nobody asks for port 0."""
    for part in ports.split(","):
        found = _SPAN.fullmatch(part.strip())
        low, high = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not low <= high < _PORTS:
            raise ValueError(f"{ports!r} is no list of ports")
        if high:
            yield max(low, 1), high


def spans_of(service: Service) -> tuple[tuple[int, int], ...]:
    """The services that a row names; none where it names one code of ICMP, which no class tells apart."""
    if service.ports:
        base = _OF_PORTS[service.proto] * _PORTS
        return tuple((base + low, base + high) for low, high in service.ports)
    if service.proto in _ICMP:
        at = _ICMP[service.proto] * _PORTS + (service.icmp_type or 0)
        return ((at, at),) if not service.icmp_code else ()
    return service_spans(service.text)


def words_of(box: Box, family: int) -> str:
    """A box in a few words, for messages."""
    ends = (_few(address_words(ranges, family)) for ranges in (box.sources, box.destinations))
    return " > ".join(ends) + " " + _few(tuple(_service_words(box.services)))


def _few(words: tuple[str, ...], most: int = 3) -> str:
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def _service_words(services: Ranges) -> Iterator[str]:
    names = {number: name for name, number in (*_OF_PORTS.items(), *_ICMP.items())}
    for low, high in services:
        first, last = low // _PORTS, high // _PORTS
        if first != last:
            yield "any" if (low, high) == _ALL else f"proto/{first}-{last}"
        elif first in names:
            yield f"{names[first]}/{low % _PORTS}" + (f"-{high % _PORTS}" if high > low else "")
        else:
            yield f"proto/{first}"
