"""Sets of flows as binary decision diagrams: the fields of a packet as variables, ranges and prefixes as sets."""

from __future__ import annotations

import importlib
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from lab.ruleset.addresses import WIDTH, Addresses, together

PROTO, ENTERED, LEFT, SOURCE, DESTINATION, SPORT, DPORT, TCP_FLAGS = (
    "proto", "entered", "left", "source", "destination", "sport", "dport", "tcp_flags",
)  # fmt: skip
"""``dport`` of ICMP is its type in the upper byte, its code in the lower."""
NOWHERE = ""
"""The interface of a packet that enters or leaves by none."""
_LIMIT = re.compile(r"limit --limit (?P<rate>\d+)/(?P<unit>sec|min|hour|day)(?: --limit-burst (?P<burst>\d+))?")
_UNITS = {"sec": "second", "min": "minute", "hour": "hour", "day": "day"}
Flows = Any
"""A set of flows: a `Function` of dd, with ``&``, ``|`` and ``~``."""


def bdd_module() -> ModuleType:
    """CUDD's where its wheel is there, else that of pure Python; it is slow to import, and says much on its log.

    dd draws with networkx, and names a class of it; that takes more time to import than all the rest, and nothing is drawn.
    Without the name dd keeps the error, and with it each frame on the stack.
    """
    logging.getLogger("dd").setLevel(logging.ERROR)
    nothing = ModuleType("networkx")
    vars(nothing)["MultiDiGraph"] = object
    stands_in = sys.modules.setdefault(nothing.__name__, nothing) is nothing
    try:
        return importlib.import_module("dd.cudd")
    except ImportError:
        return importlib.import_module("dd.autoref")
    finally:
        if stands_in:
            del sys.modules[nothing.__name__]


def _manager() -> Any:
    made = bdd_module().BDD()
    # the order below is good for rules, and looking for a better one costs more than it gives
    made.configure(reordering=False)
    return made


class Space:
    """All flows of a family at one node with these ``interfaces``.

    >>> space = Space(4, ["eth0"])
    >>> space.count(space.ranges(DPORT, ((80, 89),)), [DPORT])
    10
    """

    def __init__(self, family: int, interfaces: Iterable[str]) -> None:
        self.family = family
        self.interfaces = (NOWHERE, *dict.fromkeys(interfaces))
        self._bdd = _manager()
        few = max(1, (len(self.interfaces) - 1).bit_length())
        self.widths = {
            PROTO: 8, ENTERED: few, LEFT: few, DESTINATION: WIDTH[family], DPORT: 16, SOURCE: WIDTH[family], SPORT: 16,
            TCP_FLAGS: 6,
        }  # fmt: skip
        self.names = {field: [f"{field}{bit}" for bit in range(width)] for field, width in self.widths.items()}
        for names in self.names.values():
            self._bdd.declare(*names)
        self._place = {name: (field, bit) for field, names in self.names.items() for bit, name in enumerate(names)}
        self.none, self.all = self._bdd.false, self._bdd.true
        self._free: dict[tuple[str, str], str] = {}
        self._said: dict[str, str] = {}
        self._made: dict[tuple[str, object], Flows] = {}
        self._sizes: dict[Flows, int] = {self.all: 1 << sum(self.widths.values())}

    def free(self, said: str, kind: str) -> Flows:
        """A variable for what nobody can read: ``said`` holds for a packet of this kind, or does not."""
        key = _in_one_dialect(said), kind
        name = self._free.get(key)
        if name is None:
            name = self._free[key] = f"free{len(self._free)}"
            self._said[name] = said
            self._bdd.declare(name)
        return self._bdd.var(name)

    def rests_on(self, flows: Flows) -> tuple[str, ...]:
        """What a set depends on that nobody can read."""
        support = self._bdd.support(flows)
        return tuple(dict.fromkeys(self._said[name] for name in self._said if name in support))

    def whatever(self, flows: Flows) -> Flows:
        """The part of a set that is in it whatever the free variables are."""
        return self._bdd.forall(list(self._said), flows) if self._said else flows

    def bound(self, flows: Flows) -> Flows:
        """The same set for some values of the free variables."""
        return self._bdd.exist(list(self._said), flows) if self._said else flows

    def prefix(self, field: str, value: int, length: int) -> Flows:
        """The values whose first ``length`` bits are those of ``value``."""
        width = self.widths[field]
        names = self.names[field]
        return self._bdd.cube({names[bit]: bool(value >> (width - 1 - bit) & 1) for bit in range(length)})

    def number(self, field: str, value: int) -> Flows:
        """One value."""
        return self._kept(field, value, lambda: self.prefix(field, value, self.widths[field]))

    def masked(self, field: str, mask: int, value: int) -> Flows:
        """The values that have these bits under a mask; none where ``value`` has others."""
        if value & ~mask:
            return self.none
        width, names = self.widths[field], self.names[field]
        bits = (bit for bit in range(width) if mask >> (width - 1 - bit) & 1)
        return self._bdd.cube({names[bit]: bool(value >> (width - 1 - bit) & 1) for bit in bits})

    def ranges(self, field: str, ranges: Addresses) -> Flows:
        """The values in ascending ranges."""
        return self._kept(field, ranges, lambda: self.any([self._between(field, low, high) for low, high in together(ranges)]))

    def interface(self, field: str, name: str) -> Flows:
        """One interface; none of the flows where the node has none of that name."""
        return self.number(field, self.interfaces.index(name)) if name in self.interfaces else self.none

    def _kept(self, field: str, key: object, make: Callable[[], Flows]) -> Flows:
        found = self._made.get((field, key))
        if found is None:
            found = self._made[field, key] = make()
        return found

    def any(self, sets: Sequence[Flows]) -> Flows:
        """What is in one of the sets."""
        left = list(sets)
        while len(left) > 1:
            left = [one if other is None else one | other for one, other in _two_by_two(left)]
        return left[0] if left else self.none

    def _between(self, field: str, low: int, high: int) -> Flows:
        width = self.widths[field]
        free = (low ^ high).bit_length()
        if low & ((1 << free) - 1) == 0 and high & ((1 << free) - 1) == (1 << free) - 1:
            return self.prefix(field, low, width - free)
        return self._at_most(field, high) & ~self._at_most(field, low - 1) if low else self._at_most(field, high)

    def _at_most(self, field: str, value: int) -> Flows:
        found, names, width = self.all, self.names[field], self.widths[field]
        for place in range(width - 1, -1, -1):
            one = self._bdd.var(names[place])
            found = (found & one) | ~one if value >> (width - 1 - place) & 1 else found & ~one
        return found

    def fixed(self, flows: Flows, field: str, value: int, length: int | None = None) -> Flows:
        """The flows that would be in the set if this field had these first bits."""
        width, names = self.widths[field], self.names[field]
        bits = range(width if length is None else length)
        return self._bdd.let({names[bit]: bool(value >> (width - 1 - bit) & 1) for bit in bits}, flows)

    def without(self, flows: Flows, fields: Iterable[str]) -> Flows:
        """The set's shadow where these fields may be anything."""
        return self._bdd.exist([name for field in fields for name in self.names[field]], flows)

    def without_low_byte(self, flows: Flows) -> Flows:
        """The set's shadow where the lower byte of ``dport`` is 0, whatever it was."""
        low = self.names[DPORT][8:]
        return self._bdd.exist(low, flows) & self._bdd.cube(dict.fromkeys(low, False))

    def always(self, flows: Flows, fields: Iterable[str]) -> Flows:
        """What is in the set whatever these fields are."""
        return self._bdd.forall([name for field in fields for name in self.names[field]], flows)

    def one(self, flows: Flows) -> Mapping[str, int]:
        """The lowest flow of a set that is not empty, field by field as `together` orders them."""
        found: dict[str, int] = dict.fromkeys(self.widths, 0)
        node = flows
        while node.var is not None:
            low, high = _children(node)
            if node.var in self._place and low == self.none:
                field, bit = self._place[node.var]
                found[field] |= 1 << (self.widths[field] - 1 - bit)
            node = high if low == self.none else low
        return found

    def values(self, flows: Flows, field: str) -> Addresses:
        """The values of a field in a set, as ranges."""
        return tuple(self.ascending(flows, field))

    def ascending(self, flows: Flows, field: str) -> Iterator[tuple[int, int]]:
        """The same one after the other, of which one may have enough: ranges in order, no two of which touch."""
        width, end = self.widths[field], 0
        began: int | None = None
        waiting = [(self.shadow(flows, [field]), 0, 0)]
        while waiting:
            node, bit, base = waiting.pop()
            if node == self.none:
                continue
            if node == self.all:
                if began is not None and base > end:
                    yield began, end - 1
                    began = None
                began, end = base if began is None else began, base + (1 << (width - bit))
                continue
            at = self._place[node.var][1]
            # the bits above are free: both halves have what is below
            low, high = _children(node) if at == bit else (node, node)
            waiting += [(high, bit + 1, base + (1 << (width - 1 - bit))), (low, bit + 1, base)]
        if began is not None:
            yield began, end - 1

    def shadow(self, flows: Flows, fields: Sequence[str]) -> Flows:
        """What a set is to those who see these fields alone."""
        return self.bound(self.without(flows, [name for name in self.names if name not in fields]))

    def count(self, flows: Flows, fields: Sequence[str]) -> int:
        """How many values of these fields together the set has, whatever the others are; exact."""
        return self._size(self.shadow(flows, fields)) >> sum(width for name, width in self.widths.items() if name not in fields)

    def _size(self, node: Flows) -> int:
        """How many flows there are in a set that hangs on no free variable."""
        if node.negated:
            return self._sizes[self.all] - self._size(~node)
        found = self._sizes.get(node)
        if found is None:
            # each half is a set of flows whose first variable may be either
            found = self._sizes[node] = (self._size(node.low) + self._size(node.high)) >> 1
        return found


def _in_one_dialect(said: str) -> str:
    """A limit of iptables as nft says it: the two are one condition."""
    found = _LIMIT.fullmatch(said)
    if found is None:
        return said
    return f"limit rate {found['rate']}/{_UNITS[found['unit']]} burst {found['burst'] or 5} packets"


def _children(node: Flows) -> tuple[Flows, Flows]:
    """What a set is where its first variable is 0, and where it is 1; dd keeps a complement at the edge above."""
    return (~node.low, ~node.high) if node.negated else (node.low, node.high)


def _two_by_two(sets: Sequence[Flows]) -> Iterable[tuple[Flows, Flows | None]]:
    return ((sets[place], sets[place + 1] if place + 1 < len(sets) else None) for place in range(0, len(sets), 2))
