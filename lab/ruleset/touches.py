"""What packets changed of the memories of rules, read from their traced paths."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from lab.record.path import End, Path, Step
from lab.ruleset.aimed import conditions_may_hold, seen_on
from lab.ruleset.conditions import DPORTS, SPORTS, Condition
from lab.ruleset.held import HeldRule
from lab.ruleset.memory import Memory, Use

Reader = tuple[str, HeldRule]
"""A node, and a rule of it."""
_FAMILIES = {4: ("ip", "inet", "netdev", "bridge"), 6: ("ip6", "inet", "netdev", "bridge")}
_STORIES = 10_000  # told ways through a node; more are read anew
_PACKETS = 100_000
_SENT = ("jump", "goto")


class _Part(NamedTuple):
    """One use of one rule, and the memory that it is of."""

    rule: HeldRule
    memory: Memory
    use: Use
    by_source: bool
    reads_ports: bool


class _Met(NamedTuple):
    """A part that a packet came as far as: how often its rule matched, how often it may besides, and at a late hook or not."""

    part: _Part
    matched: int
    passed: int
    late: bool


class Touches:
    """Knows the parts of rules by chain; a way that was told before is not read again."""

    def __init__(
        self, parts: Mapping[Reader, Collection[tuple[Memory, Use]]], by_source: Mapping[Memory, bool]
    ) -> None:
        self._parts: dict[str, dict[tuple[str, str], list[_Part]]] = {}
        for (node, rule), uses in parts.items():
            chain = self._parts.setdefault(node, {}).setdefault((rule.table, rule.chain), [])
            for memory, use in uses:
                ports = any(gate.field in (SPORTS, DPORTS) for gate in use.gates)
                chain.append(_Part(rule, memory, use, by_source[memory], ports))
        # by id, as a story's steps are one object for all its packets; the steps are kept so that no other takes their id
        self._stories: dict[tuple[str, int, int, End], tuple[tuple[Step, ...], tuple[_Met, ...]]] = {}
        self._held: dict[tuple[int, object], bool] = {}

    def of(self, paths: Iterable[Path]) -> Counter[tuple[Memory, str | None]]:
        """How often packets changed each memory, 0 for what they only asked."""
        found: Counter[tuple[Memory, str | None]] = Counter()
        for path in paths:
            if path.node in self._parts:
                for met in self._met(path):
                    self._count(found, path, met)
        return found

    def reader(self, paths: Iterable[Path], memories: Collection[Memory]) -> Reader | None:
        """The first rule that asks one of the memories and that a packet came as far as."""
        return next(
            (
                (path.node, part.rule)
                for path in paths
                if path.node in self._parts
                for part, matched, _, _ in self._met(path)
                if part.memory in memories and part.use.reads and (matched or self._may_come(path, part))
            ),
            None,
        )

    def _count(self, found: Counter[tuple[Memory, str | None]], path: Path, met: _Met) -> None:
        part, matched, passed, late = met
        asks_alone = not part.use.writes
        exact = part.use.matched_alone
        if not matched and ((exact and not part.use.reads) or not self._may_come(path, part)):
            return
        count = 0 if asks_alone else matched + (0 if exact else max(passed - matched, 0))
        for source in _sources(path, late=late) if part.by_source else (None,):
            found[part.memory, source] += count

    def _may_come(self, path: Path, part: _Part) -> bool:
        """Whether what held before the kernel came to the part may have held of this packet."""
        gates = part.use.gates
        if not gates:
            return True
        entry, leaving = path.entry, path.exit
        ports: object = (entry.sport, entry.dport, leaving and (leaving.sport, leaving.dport)) if part.reads_ports else None
        ends = leaving and (leaving.source, leaving.destination)
        turned = leaving is None and bool(path.translated_by)
        key = id(part), (entry.proto, entry.source, entry.destination, ends, path.out, ports, turned)
        held = self._held.get(key)
        if held is None:
            if len(self._held) >= _PACKETS:
                self._held.clear()
            held = self._held[key] = conditions_may_hold(gates, seen_on(path))
        return held

    def _met(self, path: Path) -> tuple[_Met, ...]:
        key = path.node, id(path.steps), path.entry.family, path.end
        known = self._stories.get(key)
        if known is not None and known[0] is path.steps:
            return known[1]
        met = tuple(self._read(path))
        if len(self._stories) >= _STORIES:
            self._stories.clear()
            self._held.clear()
        self._stories[key] = path.steps, met
        return met

    def _read(self, path: Path) -> Iterator[_Met]:
        families = _FAMILIES.get(path.entry.family, ())
        reached, jumps, late = _told(path.steps)
        for chain, parts in self._parts[path.node].items():
            # a packet that vanished was dropped by a match, which tells of nothing
            far = math.inf if path.end is End.VANISHED else reached.get(chain, 0)
            for part in parts:
                rule = part.rule
                if rule.number <= far and rule.family in families:
                    matched = sum(
                        step.rule is not None and step.rule.number == rule.number and step.rule.family == rule.family
                        for step in path.steps if (step.table, step.chain) == chain
                    )  # fmt: skip
                    yield _Met(part, matched, max(jumps[chain], 1), chain in late)


def _told(
    steps: tuple[Step, ...],
) -> tuple[dict[tuple[str, str], float], Counter[tuple[str, str]], set[tuple[str, str]]]:
    """How far a packet came in each chain, how often it was sent there, and which chains are of late hooks.

    What it was sent to last and that told of nothing, it may have come through as a whole.
    """
    reached: dict[tuple[str, str], float] = {}
    jumps: Counter[tuple[str, str]] = Counter()
    late: set[tuple[str, str]] = set()
    for step in steps:
        chain = step.table, step.chain
        number = math.inf if step.rule is None or step.rule.number is None else step.rule.number
        reached[chain] = max(number, reached.get(chain, 0))
        if step.hook in ("postrouting", "input"):
            late.add(chain)
        how, _, to = step.verdict.partition(" ")
        if how in _SENT:
            jumps[step.table, to] += 1
    if steps and steps[-1].verdict.partition(" ")[0] in _SENT:
        reached[steps[-1].table, steps[-1].verdict.partition(" ")[2]] = math.inf
    return reached, jumps, late


def _sources(path: Path, *, late: bool) -> Collection[str]:
    """The source addresses that a rule may have seen the packet have."""
    if late and path.exit is not None:
        return {path.entry.source, path.exit.source}
    return (path.entry.source,)


def met_by(rules: Iterable[tuple[Reader, tuple[Condition, ...]]], paths: Collection[Path]) -> Reader | None:
    """The first of the ``rules`` that one of the packets came as far as, and of whose conditions beside it all may have held.

    >>> met_by([], [])
    """
    return next(
        (
            (node, rule)
            for (node, rule), gates in rules
            for path in paths
            if path.node == node
            and _told(path.steps)[0].get((rule.table, rule.chain), 0) >= rule.number
            and rule.family in _FAMILIES.get(path.entry.family, ())
            and conditions_may_hold(gates, seen_on(path))
        ),
        None,
    )
