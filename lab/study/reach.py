"""Which rules of a node the first packet of a question may meet, as far as their text says.

Rules are bits of a number, so that many questions can be compared: two that may meet the same ones fare alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from ipaddress import ip_address
from typing import NamedTuple

from lab.ruleset.address_conditions import AddressCondition, AddressReading, Entries, named_by, only_counts, read_conditions
from lab.ruleset.addresses import Addresses, together
from lab.ruleset.aimed import Seen, may_match
from lab.ruleset.conditions import DESTINATIONS, DPORTS, ENTERED, LEFT, PROTO, SOURCES, SPORTS, STATES
from lab.ruleset.held import ChainKey, Chains, HeldRule

PROTOCOLS = ("tcp", "udp")
# what conntrack may call a flow's first packet, as rules ask for it
_FIRST = ("NEW", "INVALID", "UNTRACKED", "DNAT", "SNAT")
_BEFORE_ROUTING, _TO_ITSELF, _ONWARD = ("ingress", "prerouting"), ("input",), ("forward", "postrouting")
_DENIES = frozenset(("DROP", "REJECT", "drop", "reject"))
_ADDRESS = re.compile(r"[\d.]+(?:/[\d.]+)?|[\da-fA-F:.]*:[\da-fA-F:.]*(?:/\d+)?")
_INTERFACES = (ENTERED, LEFT)
_ALL_BUT_INTERFACES = frozenset((SOURCES, DESTINATIONS, SPORTS, DPORTS, PROTO, STATES))


class _Asks(NamedTuple):
    """A condition on an address: of which sets, by their numbers as bits."""

    sets: int
    negated: bool
    exact: bool

    def may_be(self, inside: int) -> bool:
        """Whether an address that is in these sets may match."""
        return not (inside & self.sets and self.exact) if self.negated else bool(inside & self.sets)


def bits_of(number: int) -> Iterator[int]:
    """The places of the bits that are set."""
    while number:
        low = number & -number
        yield low.bit_length() - 1
        number ^= low


class SideOfRules:
    """What the rules of a node ask of one end's address."""

    def __init__(self, readings: Iterable[AddressReading], field: str, numbers: Mapping[Addresses, int]) -> None:
        self._free, self._complex = 0, list[tuple[int, tuple[_Asks, ...]]]()
        self._simple: dict[int, int] = {}
        self.tells: dict[int, int] = {}  # of rules that may treat one address in their sets otherwise than the next
        self.named = 0
        for number, reading in enumerate(readings):
            own = [one for one in reading.conditions if one.field == field]
            asks = tuple(self._asks(one, numbers) for one in own)
            if asks:
                self.named |= 1 << number
            if any(len(one.groups) > 1 or not one.exact for one in own):
                self.tells[number] = _union(one.sets for one in asks)
            if not asks:
                self._free |= 1 << number
            elif len(asks) == 1 and not asks[0].negated:
                for place in bits_of(asks[0].sets):
                    self._simple[place] = self._simple.get(place, 0) | 1 << number
            else:
                self._complex.append((1 << number, asks))
        self.admit = cache(self._admit)

    @staticmethod
    def _asks(condition: AddressCondition, numbers: Mapping[Addresses, int]) -> _Asks:
        return _Asks(_union(1 << numbers[group] for group in condition.groups if group), condition.negated, condition.exact)

    def _admit(self, inside: int) -> int:
        """The rules that an address may match which is in these sets."""
        found = self._free
        for place in bits_of(inside):
            found |= self._simple.get(place, 0)
        for bit, asks in self._complex:
            if all(one.may_be(inside) for one in asks):
                found |= bit
        return found


def _union(numbers: Iterable[int]) -> int:
    found = 0
    for number in numbers:
        found |= number
    return found


class NodeRules:
    """The rules of one node that the first packet of a question to it, or through it, may meet."""

    def __init__(self, name: str, chains: Chains, family: int, sets: Entries) -> None:
        self.name, self.family = name, family
        self._chains = {key: chain for key, chain in chains.items() if chain.judges(family)}
        self.rules = tuple(self._asked())
        self.readings = tuple(_merged(self.rules, [read_conditions(rule, family, sets) for rule in self.rules]))
        self._of_chain: dict[ChainKey, int] = {}
        for number, rule in enumerate(self.rules):
            self._of_chain[rule.key] = self._of_chain.get(rule.key, 0) | 1 << number
        self._jumps = self._where(lambda rule: bool(rule.jump_to))
        self.openers = self._where(lambda rule: rule.target not in _DENIES)
        self.all = (1 << len(self.rules)) - 1
        self.admits = cache(self._admits)
        self._walk = cache(self._walked)

    def _asked(self) -> Iterator[HeldRule]:
        """Those that do something to packets of the protocols that are asked, in chains that such packets come to."""
        waiting = [key for key in self._chains if self._base(key, (*_BEFORE_ROUTING, *_TO_ITSELF, *_ONWARD))]
        seen = set(waiting)
        while waiting:
            for rule in self._chains[waiting.pop(0)].rules:
                if only_counts(rule) or not is_asked(rule):
                    continue
                yield rule
                for name in rule.jump_to:
                    key = rule.family, rule.table, name
                    if key in self._chains and key not in seen:
                        seen.add(key)
                        waiting.append(key)

    def _base(self, key: ChainKey, hooks: Collection[str]) -> bool:
        chain = self._chains[key]
        # what is translated on its way out passes already
        return chain.hook in hooks and not (chain.hook == "postrouting" and chain.kind == "nat")

    def _where(self, holds: Callable[[HeldRule], bool]) -> int:
        return _union(1 << number for number, rule in enumerate(self.rules) if holds(rule))

    def named(self, field: str) -> Iterator[Addresses]:
        """Every set of addresses that a rule names at one end."""
        for reading in self.readings:
            yield from named_by(reading.conditions, field)

    def _admits(self, field: str, interfaces: tuple[str, ...] | None) -> int:
        """The rules that a packet may match which came by one of these interfaces, or leaves by one."""
        if interfaces is None:
            return self.all
        seen = Seen("", **{field: interfaces})  # type: ignore[arg-type]
        but = _ALL_BUT_INTERFACES | (frozenset(_INTERFACES) - {field})
        return self._where(lambda rule: may_match(rule, seen, but=but))

    def walk(self, hooks: tuple[str, ...], admitted: int) -> int:
        """Those of the rules ``admitted`` that packets come to at these hooks."""
        return self._walk(hooks, admitted)

    def _walked(self, hooks: tuple[str, ...], admitted: int) -> int:
        waiting = [key for key in self._chains if self._base(key, hooks)]
        seen, met = set(waiting), 0
        while waiting:
            here = self._of_chain.get(waiting.pop(), 0) & admitted
            met |= here
            for number in bits_of(here & self._jumps):
                rule = self.rules[number]
                for name in rule.jump_to:
                    key = rule.family, rule.table, name
                    if key in self._chains and key not in seen:
                        seen.add(key)
                        waiting.append(key)
        return met


def is_asked(rule: HeldRule) -> bool:
    """Whether it may be about the first packet of a flow of the protocols that an exposure asks."""
    but = (SOURCES, DESTINATIONS, ENTERED, LEFT, SPORTS, DPORTS)
    return any(may_match(rule, Seen(proto, states=_FIRST), but=but) for proto in PROTOCOLS)


def _merged(rules: tuple[HeldRule, ...], readings: list[AddressReading]) -> Iterator[AddressReading]:
    """The readings, where denials one behind the other that differ in one address alone are about the addresses of all."""
    run: list[int] = []
    for number, (rule, reading) in enumerate(zip(rules, readings, strict=True)):
        if run and not _alike(rules[run[-1]], readings[run[-1]], rule, reading):
            yield from _as_one([readings[one] for one in run])
            run = []
        run.append(number)
    yield from _as_one([readings[one] for one in run])


def _alike(before: HeldRule, read_before: AddressReading, rule: HeldRule, reading: AddressReading) -> bool:
    if rule.target not in _DENIES or rule.remembers or before.key != rule.key or before.target != rule.target:
        return False
    pair = read_before.conditions, reading.conditions
    if any(len(one) != 1 or one[0].negated or not one[0].exact or len(one[0].groups) != 1 for one in pair):
        return False
    return pair[0][0].field == pair[1][0].field and _but_addresses(before) == _but_addresses(rule)


def _but_addresses(rule: HeldRule) -> list[str]:
    return [word for word in rule.text.split() if _ADDRESS.fullmatch(word) is None]


def _as_one(run: list[AddressReading]) -> Iterator[AddressReading]:
    if len(run) < 2:
        yield from run
        return
    every = together(span for one in run for span in one.conditions[0].groups[0])
    for one in run:
        yield one._replace(conditions=(one.conditions[0]._replace(groups=(every,)),))


class Reach:
    """What is met of one node's rules, from where to where; ``at`` tells in which sets an address is as a destination."""

    def __init__(
        self, rules: NodeRules, numbers: tuple[Mapping[Addresses, int], Mapping[Addresses, int]],
        at: Callable[[int], int], own: Collection[str],
    ) -> None:  # fmt: skip
        self.rules = rules
        self.sources = SideOfRules(rules.readings, SOURCES, numbers[0])
        self.destinations = SideOfRules(rules.readings, DESTINATIONS, numbers[1])
        self._at, self._own = at, frozenset(own)
        self._given = {
            number: tuple(self._new(rule)) for number, rule in enumerate(rules.rules) if rule.translates == "destination"
        }
        self._translate = _union(1 << number for number in self._given)
        self._telling = _union(1 << number for number in (*self.sources.tells, *self.destinations.tells))

    def _new(self, rule: HeldRule) -> Iterator[tuple[int, bool | None]]:
        """What a packet may match by the destination that a rule gives it, and whether that is the node itself."""
        text = rule.new_address
        if rule.target in ("REDIRECT", "redirect"):
            yield from ((self.destinations.admit(self._at(int(ip_address(own)))), True) for own in self._own)
            return
        if text == "":
            return
        try:
            address = ip_address(text or "")
        except ValueError:
            yield self.rules.all, None
            return
        if address.version == self.rules.family:
            yield self.destinations.admit(self._at(int(address))), str(address) in self._own

    def met(
        self, source: int, destination: int, *, own: bool, entered: tuple[str, ...] | None, left: tuple[str, ...] | None
    ) -> tuple[object, ...]:
        """What two questions have in common that may meet the same rules of the node, and are one to them.

        The addresses are told by the sets that they are in; ``own`` says that the destination is the node's.
        """
        met = self.rules_met(source, destination, own=own, entered=entered, left=left)
        told = tuple(
            (source & self.sources.tells.get(number, 0), destination & self.destinations.tells.get(number, 0))
            for number in bits_of(met & self._telling)
        )
        return met, told

    def rules_met(
        self, source: int, destination: int, *, own: bool, entered: tuple[str, ...] | None, left: tuple[str, ...] | None
    ) -> int:
        """The rules that may be met, as bits."""
        rules = self.rules
        admitted = self.sources.admit(source) & rules.admits(ENTERED, entered)
        to = self.destinations.admit(destination)
        out = rules.admits(LEFT, left)
        met = rules.walk(_BEFORE_ROUTING, admitted & to)
        itself, onward = own, not own
        for number in bits_of(met & self._translate):
            for more, is_own in self._given[number]:
                to |= more
                itself, onward, out = itself or is_own is not False, onward or not is_own, rules.all
        if itself:
            met |= rules.walk(_TO_ITSELF, admitted & to)
        if onward:
            met |= rules.walk(_ONWARD, admitted & to & out)
        return met
