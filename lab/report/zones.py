"""From where to where a row of an exposure goes: whole zones by their names, parts of one by their addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from lab.record.exposure import Pair
from lab.record.sweep import Ranges
from lab.report.addresses import addresses_text
from lab.report.openings import End, Services, count, source_of, target_of
from lab.report.plain import plain
from lab.report.sweep import some_ports
from lab.written.service import without

_ALL = ((1, 65_535),)
_NEARLY_ALL = 60_000
_MOST = 4  # addresses or ranges that are told of one zone
_MOST_PORTS = 8
_FEW_ADDRESSES = 3
_FEW_ZONES = 2  # of so many the only host is named too


class Zones:
    """What was to be asked, from and in each zone."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self._asked_by: dict[End, set[End]] = {}
        self._asking: dict[End, set[End]] = {}
        for pair in pairs:
            source, target = source_of(pair), target_of(pair)
            self._asked_by.setdefault(source, set()).add(target)
            self._asking.setdefault(target, set()).add(source)
        self._named: dict[str, None] = {}

    def between(self, sources: Sequence[End], targets: Sequence[End]) -> str:
        """``lan -> wan, beyond mirror 192.0.2.80``: a zone's name alone means all that could ask, or be asked, there."""
        asking = set[End]().union(*(self._asking.get(target, ()) for target in targets))
        asked = set[End]().union(*(self._asked_by.get(source, ()) for source in sources))
        return plain(f"{self._ends(sources, asking)} -> {self._ends(targets, asked)}")

    def lines(self) -> Iterator[str]:
        """What is meant by each zone that was named alone."""
        for zone in self._named:
            asked = (("from", self._asked_by), ("at", self._asking))
            own = [f"{word} {_ends(inside)}" for word, ends in asked if (inside := [end for end in ends if end.zone == zone])]
            yield plain(f"zone {zone}: asked {', '.join(own)}")

    def _ends(self, ends: Sequence[End], possible: set[End]) -> str:
        left = possible.difference(ends)
        without = {_node(end) for end in left}
        nodes = {_node(end) for end in ends}
        of_several = len(nodes) > 1 and len({end.zone for end in ends}) > 1  # all addresses of one host are no zones
        if of_several and len(without) <= 1 and not without & nodes:
            self._named |= dict.fromkeys(end.zone for end in ends)
            return "every zone" + "".join(f" but {node}" for node in without)
        return ", ".join(self._parts(ends, possible))

    def _parts(self, ends: Sequence[End], possible: set[End]) -> Iterator[str]:
        """Nodes of several zones, then whole zones, then what is left of the others."""
        of_node = _by(possible, _node)
        nodes = {node: own for node, own in _by(ends, _node).items() if len({end.zone for end in own}) > 1}
        for node, own in nodes.items():
            whole = own == of_node.get(node)
            yield f"any address of {node}" if whole else f"{node} at {some(addresses_text(end.address for end in own))}"
        by_zone = _by((end for end in ends if _node(end) not in nodes), lambda end: end.zone)
        of_zone = _by((end for end in possible if _node(end) not in nodes), lambda end: end.zone)
        for zone, these in by_zone.items():
            if these == of_zone.get(zone) and (len(these) > 1 or len(by_zone) > _FEW_ZONES):
                self._named[zone] = None
                yield zone
            else:
                yield f"{zone} {_ends(these)}"


def _by(ends: Iterable[End], key: Callable[[End], str]) -> dict[str, set[End]]:
    found: dict[str, set[End]] = {}
    for end in ends:
        found.setdefault(key(end), set()).add(end)
    return found


def _node(end: End) -> str:
    return end.name.partition("@")[0]


def _ends(ends: Iterable[End]) -> str:
    """Ends of one zone: one with its name, several as ranges."""
    these = list(ends)
    if len({end.name for end in these}) == 1 and all(end.stands_for is None for end in these):
        own = sorted(end.address for end in these)
        return f"{these[0].name} {' '.join(own if len(own) <= _FEW_ADDRESSES else addresses_text(own))}"
    alone = addresses_text(end.address for end in these if end.stands_for == end.address)
    shown = sorted(f"{end.stands_for} (asked as {end.address})" for end in these if end.stands_for not in (None, end.address))
    return some([*alone, *shown, *addresses_text(end.address for end in these if end.stands_for is None)])


def some(texts: Sequence[str]) -> str:
    """The first of several."""
    return ", ".join(texts[:_MOST]) + (f" and {len(texts) - _MOST} more" if len(texts) > _MOST else "")


def services_text(services: Services) -> str:
    """``tcp/80,443 udp/443``, or ``all tcp but 25,137-139``."""
    return ", ".join(_ports_text(proto, ports) for proto, ports in services)


def _ports_text(proto: str, ports: Ranges) -> str:
    if count(ports) < _NEARLY_ALL:
        return f"{proto}/{some_ports(ports, _MOST_PORTS)}"
    others = tuple(without(_ALL, ports))
    return f"all {proto}" + (f" but {some_ports(others, _MOST_PORTS)}" if others else "")
