"""What is open, rule by rule: the pairs that a rule opens alike are one row, from zones to zones.

A row says that each of its sources reaches each of its targets.  It holds of all pairs that were to be asked; a pair that is
never asked, as what stays inside a network passes no firewall and two families never speak, is passed over.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from lab.record.exposure import Exposure, Pair
from lab.record.path import Rule
from lab.record.sweep import Ranges
from lab.record.verdict import Kind
from lab.written.service import merged

Services = tuple[tuple[str, Ranges], ...]
Way = Callable[[Exposure], str]
"""How packets fared that are open, in words; what listens is no part of it."""


class End(NamedTuple):
    """A sender with one of its addresses, or an address that is asked; ``stands_for`` is a prefix in words."""

    zone: str
    name: str
    address: str
    family: int
    stands_for: str | None


class Row(NamedTuple):
    """All of ``sources`` reach these services of all of ``targets``, in one ``way``.

    ``listening`` are the services that answer, by target; None where no packet came to a node, or no answer came back.
    ``seen_as`` are the sources that they came with, where those were translated; ``width`` is how many ports of how many
    pairs that are.
    """

    services: Services
    way: str
    sources: tuple[End, ...]
    targets: tuple[End, ...]
    listening: tuple[tuple[End, Services], ...] | None
    seen_as: tuple[str, ...]
    width: int


class Opening(NamedTuple):
    """What one rule opens (None: no rule was asked), the widest row first, and who answers for it."""

    rule: Rule | None
    owner: str | None
    ticket: str | None
    review: datetime.date | None
    rows: tuple[Row, ...]

    @property
    def width(self) -> int:
        """How many ports of how many pairs."""
        return sum(row.width for row in self.rows)


def openings(exposures: Iterable[Exposure], pairs: Iterable[Pair], way: Way) -> list[Opening]:
    """What each rule opens, the widest first; ``pairs`` are all that were to be asked."""
    asked = {(source_of(pair), target_of(pair)) for pair in pairs}
    found: dict[tuple[Rule | None, str | None, str | None, datetime.date | None], list[Exposure]] = {}
    for one in exposures:
        found.setdefault((one.rule, one.owner, one.ticket, one.review), []).append(one)
    opened = [Opening(*who, tuple(sorted(_rows(ones, asked, way), key=_widest))) for who, ones in found.items()]
    return sorted(opened, key=_widest)


def unasserted(exposures: Iterable[Exposure]) -> Iterator[Exposure]:
    """The parts of what is open that no matrix asserts."""
    return (replace(one, ports=one.unasserted) for one in exposures if one.unasserted)


def source_of(pair: Pair) -> End:
    """Who asks."""
    return End(pair.zone, pair.sender, pair.source, pair.family, pair.sources)


def target_of(pair: Pair) -> End:
    """What is asked."""
    return End(pair.into, pair.target, pair.address, pair.family, pair.targets)


def count(ports: Ranges) -> int:
    """How many ports."""
    return sum(high - low + 1 for low, high in ports)


def _widest(one: Row | Opening) -> int:
    return -one.width


def _rows(ones: Sequence[Exposure], asked: set[tuple[End, End]], way: Way) -> Iterator[Row]:
    of_pair: dict[tuple[Pair, str], dict[str, list[tuple[int, int]]]] = {}
    listens: dict[End, dict[str, list[tuple[int, int]]]] = {}
    delivered = {way(one) for one in ones if one.kind in (Kind.ALLOWED, Kind.CLOSED)}
    seen: dict[tuple[Pair, str], list[str]] = {}
    for one in ones:
        of_pair.setdefault((one.pair, way(one)), {}).setdefault(one.proto, []).extend(one.ports)
        if one.arrived is not None and one.arrived.source is not None:
            seen.setdefault((one.pair, way(one)), []).append(one.arrived.source)
        if one.kind is Kind.ALLOWED:
            listens.setdefault(target_of(one.pair), {}).setdefault(one.proto, []).extend(one.ports)
    alike: dict[tuple[Services, str], list[Pair]] = {}
    for (pair, how), ports in of_pair.items():
        alike.setdefault((_services(ports), how), []).append(pair)
    for (services, how), pairs in alike.items():
        size = sum(count(ports) for _, ports in services)
        for rectangle in _both_families(_rectangles(pairs, asked)):
            answering = (
                (target, shared)
                for target in rectangle.targets
                if target in listens and (shared := _shared(services, _services(listens[target])))
            )
            listening = tuple(answering) if how in delivered else None
            seen_as = dict.fromkeys(
                source for pair in pairs if rectangle.holds(pair) for source in seen.get((pair, how), ())
            )
            yield Row(services, how, *rectangle[:2], listening, tuple(seen_as), size * rectangle.pairs)


def _services(ports: dict[str, list[tuple[int, int]]]) -> Services:
    return tuple((proto, tuple(merged(ports[proto]))) for proto in sorted(ports))


def _shared(these: Services, those: Services) -> Services:
    of_those = dict(those)
    both = (
        (proto, tuple((max(a, c), min(b, d)) for a, b in ports for c, d in of_those.get(proto, ()) if max(a, c) <= min(b, d)))
        for proto, ports in these
    )
    return tuple((proto, ports) for proto, ports in both if ports)


class _Rectangle(NamedTuple):
    """All of these sources with all of these targets; ``pairs`` counts those that no earlier one holds."""

    sources: tuple[End, ...]
    targets: tuple[End, ...]
    pairs: int

    def holds(self, pair: Pair) -> bool:
        """Whether it is one of its pairs."""
        return source_of(pair) in self.sources and target_of(pair) in self.targets


def _rectangles(pairs: Sequence[Pair], asked: set[tuple[End, End]]) -> Iterator[_Rectangle]:
    """Few rectangles that hold all the pairs, and of all that were to be asked no other; sets of targets are bits."""
    sources = list(dict.fromkeys(map(source_of, pairs)))
    targets = list(dict.fromkeys(map(target_of, pairs)))
    place = {target: 1 << number for number, target in enumerate(targets)}
    open_to = dict.fromkeys(sources, 0)
    for pair in pairs:
        open_to[source_of(pair)] |= place[target_of(pair)]
    may = {
        source: open_to[source] | sum(place[target] for target in targets if asked and _never_asked(source, target, asked))
        for source in sources
    }
    left = dict(open_to)
    for first in sorted(sources, key=lambda source: -open_to[source].bit_count()):
        wanted = left[first]
        if not wanted:
            continue
        these = [source for source in sources if left[source] & wanted and not wanted & ~may[source]]
        those, some = -1, 0
        for source in these:
            those, some = those & may[source], some | left[source]
        those &= some
        new = sum((left[source] & those).bit_count() for source in these)
        for source in these:
            left[source] &= ~those
        yield _Rectangle(tuple(these), tuple(target for target in targets if place[target] & those), new)


def _never_asked(source: End, target: End, asked: set[tuple[End, End]]) -> bool:
    """Whether there is no such question: inside a network, to a node's own address, or from one family to the other."""
    inside = source.zone == target.zone or source.name == target.name.partition("@")[0] or source.family != target.family
    return inside and (source, target) not in asked


def _both_families(found: Iterable[_Rectangle]) -> list[_Rectangle]:
    """The rectangles, of two families' between the same nodes one."""
    together: dict[object, _Rectangle] = {}
    for one in found:
        nodes = tuple(frozenset((end.zone, end.name.partition("@")[0]) for end in ends) for ends in one[:2])
        other = together.get(nodes)
        if other is None or {end.family for end in other.sources} & {end.family for end in one.sources}:
            together[nodes if other is None else one] = one
        else:
            ends = (*other.sources, *one.sources), (*other.targets, *one.targets)
            together[nodes] = _Rectangle(*ends, other.pairs + one.pairs)
    return list(together.values())
