"""From cells to groups: classes with the same row and the same column are one, and between two groups there is one way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from lab.record.service_matrix import By, Example, Group, ServiceMatrix, State, Way
from lab.ruleset.addresses import Addresses, address_words, size, together
from lab.study.reaching.asking import NEAR, Cell, Fare
from lab.study.reaching.ends import End, Ends

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class _Signs(NamedTuple):
    """What is the same of two addresses that are in one group: how they fare as they ask, and as they are asked."""

    row: int
    column: int


class Joined(NamedTuple):
    """A matrix, and the cells of each of its ways that no gateway turned round."""

    matrix: ServiceMatrix
    cells: Mapping[Way, Sequence[Cell]]


def join(ends: Ends, turned: set[Cell], cells: Mapping[Cell, Fare], service: str) -> Joined:
    """The matrix of one service, the largest group first."""
    askers, asked = _by_kind(ends.sources.ends), _by_kind(ends.destinations.ends)
    width = range(len(ends.destinations.ends))
    row_of = _numbered(
        (kind, tuple(tuple(_state(cells, row, column) for column in width) for row in rows)) for kind, rows in askers.items()
    )
    height = range(len(ends.sources.ends))
    column_of = _numbered(
        (kind, tuple(_state(cells, row, column) for row in height for column in columns)) for kind, columns in asked.items()
    )
    found: dict[_Signs, list[tuple[Addresses, int, int]]] = {}
    for addresses, source, target in ends.classes():
        signs = _Signs(row_of.get(source, -1), column_of.get(target, -1))
        found.setdefault(signs, []).append((addresses, source, target))
    found.pop(_Signs(-1, -1), None)  # what nobody asks from nor is asked at, as a network's broadcast address
    members = sorted(found.values(), key=lambda ones: (-sum(size(one[0]) for one in ones), ones[0][0]))
    named = list(zip(map(_name, count()), members, strict=False))
    groups = tuple(_group(name, ones, ends, askers, asked) for name, ones in named)
    between = _Between(ends, cells, turned, askers, asked)
    ways = [way for name, ones in named for other, others in named for way in between.ways(name, ones, other, others)]
    matrix = ServiceMatrix((service,), ends.family, groups, tuple(ways), (len(askers), len(asked)), len(cells))
    return Joined(matrix, between.cells)


def _by_kind(ends: Sequence[End]) -> Mapping[int, list[int]]:
    """The places of the ends that speak for each class."""
    found: dict[int, list[int]] = {}
    for place, one in enumerate(ends):
        found.setdefault(one.kind, []).append(place)
    return found


def _state(cells: Mapping[Cell, Fare], row: int, column: int) -> State:
    return cells.get((row, column), NEAR).state


def _numbered(signs: Iterable[tuple[int, object]]) -> dict[int, int]:
    """A number for each class, the same for those of the same sign."""
    known: dict[object, int] = {}
    return {kind: known.setdefault(sign, len(known)) for kind, sign in signs}


def _name(number: int) -> str:
    """A, B, …, Z, AA, AB, …

    >>> [_name(number) for number in (0, 25, 26, 27)]
    ['A', 'Z', 'AA', 'AB']
    """
    first, last = divmod(number, len(_LETTERS))
    return (_name(first - 1) if first else "") + _LETTERS[last]


_Members = Sequence[tuple[Addresses, int, int]]


def _group(
    name: str, ones: _Members, ends: Ends, askers: Mapping[int, list[int]], asked: Mapping[int, list[int]]
) -> Group:  # fmt: skip
    addresses = together(span for one in ones for span in one[0])
    places: Counter[str] = Counter()
    own: set[str | None] = set()
    for members, source, target in ones:
        here = [ends.sources.ends[row] for row in askers.get(source, ())]
        here = here or [ends.destinations.ends[column] for column in asked.get(target, ())]
        own |= {one.node if one.own else None for one in here}
        for place in dict.fromkeys(one.place for one in here):
            places[place] += size(members)
    sends = any(source in askers for _, source, _ in ones)
    words = address_words(addresses, ends.family)
    of = next(iter(own)) if len(own) == 1 else None
    return Group(name, words, size(addresses), tuple(place for place, _ in places.most_common()), len(ones), sends, of)


class _Between:
    """What one group comes to at another."""

    def __init__(
        self, ends: Ends, cells: Mapping[Cell, Fare], turned: set[Cell], askers: Mapping[int, list[int]],
        asked: Mapping[int, list[int]],
    ) -> None:  # fmt: skip
        self._ends, self._cells, self._turned, self._askers, self._asked = ends, cells, turned, askers, asked
        self.cells: dict[Way, list[Cell]] = {}

    def ways(self, source: str, ones: _Members, destination: str, others: _Members) -> Iterator[Way]:
        """One for each state that lets in: several where those who can send from the addresses do not all fare alike."""
        columns = dict.fromkeys(column for _, _, kind in others for column in self._asked.get(kind, ()))
        pairs = [
            (row, column)
            for row in dict.fromkeys(row for _, kind, _ in ones for row in self._askers.get(kind, ()))
            for column in columns
        ]
        fares = [(pair, self._cells[pair]) for pair in pairs if pair in self._cells]
        for state in dict.fromkeys(fare.state for _, fare in fares):
            if not (state.lets_in or state is State.LOST):
                continue
            these = [(pair, fare) for pair, fare in fares if fare.state is state]
            within = sum(pair in self._turned for pair, _ in these)
            only = () if len(these) == len(fares) else tuple(dict.fromkeys(self._place(pair) for pair, _ in these))
            by = tuple(_by(fare for _, fare in these))
            straight = [pair for pair, _ in these if pair not in self._turned]
            example = self._example(straight[0]) if straight else None
            way = Way(source, destination, state, by, bool(within), not straight, only, example)
            self.cells[way] = straight
            yield way

    def _example(self, pair: Cell) -> Example:
        source, target = self._ends.sources.ends[pair[0]], self._ends.destinations.ends[pair[1]]
        return Example(source.node, source.address, target.address)

    def _place(self, pair: Cell) -> str:
        return self._ends.sources.ends[pair[0]].place


def _by(fares: Iterable[Fare]) -> list[By]:
    """The rules, that of the most cells first."""
    cells: Counter[object] = Counter()
    rules: dict[object, list[Fare]] = {}
    for fare in fares:
        key = None if fare.rule is None else (fare.rule.node, fare.rule.place)
        cells[key] += 1
        rules.setdefault(key, []).append(fare)
    return [
        By(rules[key][0].rule, number, tuple(sorted({fare.arrived for fare in rules[key] if fare.arrived is not None})))
        for key, number in cells.most_common()
    ]


def joined(matrices: Iterable[ServiceMatrix]) -> list[ServiceMatrix]:
    """The matrices, equal ones as one of several services."""
    found: dict[object, ServiceMatrix] = {}
    for one in matrices:
        key = one.family, one.groups, tuple((way.source, way.destination, way.state) for way in one.ways)
        same = found.get(key)
        found[key] = one if same is None else _and(same, one)
    return list(found.values())


def _and(one: ServiceMatrix, other: ServiceMatrix) -> ServiceMatrix:
    """Of two services with the same ways: the rules of both."""
    ways = tuple(
        Way(
            first.source, first.destination, first.state, _both(first.by, second.by), first.within, first.all_within,
            first.only_from, first.example,
        )
        for first, second in zip(one.ways, other.ways, strict=True)
    )  # fmt: skip
    return ServiceMatrix((*one.services, *other.services), one.family, one.groups, ways, one.classes, one.questions)


def _both(ones: Sequence[By], others: Sequence[By]) -> tuple[By, ...]:
    known = {(by.rule and (by.rule.node, by.rule.place), by.arrived) for by in ones}
    return (*ones, *(by for by in others if (by.rule and (by.rule.node, by.rule.place), by.arrived) not in known))
