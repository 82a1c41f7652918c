r"""The memories of all nodes: which of them a flow may meet, and what its traced packets did to them.

>>> from lab.ruleset.held_save import chains_of_save
>>> from lab.ruleset.save import read_save
>>> from lab.written.expect.example import PASSED
>>> text = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m limit --limit 5/min -j ACCEPT\nCOMMIT"
>>> memories = Memories(topology, {"gateway": chains_of_save("ip", read_save(text))})
>>> (limit,) = memories.in_the_way(Flow(4, "tcp", ((443, 443),), "world", ("198.51.100.254",), "10.0.2.10", "web"))
>>> memories.budget_of(limit), memories.touches(PASSED.path)[limit, None]
(5, 1)
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from lab.record.path import Path, Step
from lab.ruleset.aimed import may_hold, seen_on
from lab.ruleset.held import Chains, HeldRule, rules_of
from lab.ruleset.memory import BOUNDLESS, Kind, Memory, Use
from lab.ruleset.on_the_way import Flow, Way, Ways
from lab.written.topology import Topology

_OF_THE_NODE = frozenset((Kind.HASHLIMIT, Kind.RECENT))
_FAMILIES = {"ip": 4, "ip6": 6}
_MOST_TOLD = 10_000  # ways
_Chain = tuple[str, str, str]  # node, table, chain


class _Place(NamedTuple):
    """Where a rule uses a memory."""

    node: str
    rule: HeldRule
    use: Use
    memory: Memory

    def judges(self, family: int) -> bool:
        """Whether packets of this family come here."""
        return _FAMILIES.get(self.rule.family, family) == family


class _Asked(NamedTuple):
    """What is asked of a flow: its ``first`` packet alone, rules that merely log too, those that write in place of readers."""

    first: bool = False
    logs: bool = False
    writes: bool = False


class Memories:
    """Reads the rules of all nodes once; memories that no rule writes, or that none reads, are none."""

    def __init__(self, topology: Topology, held: Mapping[str, Chains]) -> None:
        self._ways = Ways(topology, held)
        places = list(_places(held))
        read = {one.memory for one in places if one.use.reads}
        written = {one.memory for one in places if one.use.writes}
        self._places = [one for one in places if one.memory in read & written]
        self._of: dict[Memory, list[_Place]] = {}
        self._by_chain: dict[_Chain, list[_Place]] = {}
        for one in self._places:
            self._of.setdefault(one.memory, []).append(one)
            self._by_chain.setdefault((one.node, one.rule.table, one.rule.chain), []).append(one)
        self._chance = [
            (node, rule) for node, chains in held.items() for rule in rules_of(chains) if whim_of(rule.text) is not None
        ]
        self._by_source = {memory: all(one.use.by_source for one in used) for memory, used in self._of.items()}
        self._told: dict[int, tuple[tuple[Step, ...], tuple[str, int], Sequence[tuple[_Place, bool]]]] = {}
        self._candidates: dict[tuple[Flow, _Asked], tuple[Memory, ...]] = {}

    @property
    def any(self) -> bool:
        """Whether there is any, be it one that only decides what is logged."""
        return bool(self._of)

    @property
    def all(self) -> Collection[Memory]:
        """All of them."""
        return self._of.keys()

    def in_the_way(self, flow: Flow, *, first: bool = False, logs: bool = False) -> tuple[Memory, ...]:
        """Those that may decide the fate of the flow, of its ``first`` packet alone; with ``logs`` also what is logged."""
        return self._that_may(flow, _Asked(first=first, logs=logs))

    def written_by(self, flow: Flow) -> tuple[Memory, ...]:
        """Those that some packet of the flow may write."""
        return self._that_may(flow, _Asked(logs=True, writes=True))

    def _that_may(self, flow: Flow, asked: _Asked) -> tuple[Memory, ...]:
        """Those that may at the flow's ports, of those that may at any: these are found once."""
        at_any_port = (flow._replace(ports=()), asked)
        if at_any_port not in self._candidates:
            self._candidates[at_any_port] = self._found(flow._replace(ports=()), asked, self._of)
        candidates = self._candidates[at_any_port]
        return self._found(flow, asked, candidates) if flow.ports else candidates

    def _found(self, flow: Flow, asked: _Asked, among: Iterable[Memory]) -> tuple[Memory, ...]:
        found = []
        ways: dict[str, Way] = {}
        for memory in among:
            way = ways.get(memory.node)
            if way is None:
                way = ways[memory.node] = self._ways.to(memory.node, flow, first=asked.first)
            if any(
                (one.use.writes if asked.writes else one.use.reads) and (asked.logs or not one.rule.merely_logs)
                and one.judges(flow.family) and way.may_come(one.rule, one.use.gates)
                for one in self._of[memory]
            ):  # fmt: skip
                found.append(memory)
        return tuple(found)

    def rules_of(self, memory: Memory) -> tuple[HeldRule, ...]:
        """The rules that use a memory."""
        return tuple(one.rule for one in self._of[memory])

    def budget_of(self, memory: Memory) -> int:
        """How many packets may come to it before it acts otherwise than when it is fresh."""
        return min((one.use.budget for one in self._of.get(memory, ()) if one.use.reads), default=BOUNDLESS)

    def touches(self, paths: Iterable[Path]) -> Counter[tuple[Memory, str | None]]:
        """How many of the packets wrote each memory; the source address where that keeps them apart."""
        found: Counter[tuple[Memory, str | None]] = Counter()
        for path in paths:
            for one, matched in self._met(path):
                if one.use.writes and (matched or not one.use.on_match):
                    found[one.memory, path.entry.source if self._by_source[one.memory] else None] += 1
        return found

    def came_to(self, paths: Iterable[Path], wanted: Collection[Memory]) -> bool:
        """Whether one of the packets came to a rule that reads one of these."""
        return any(one.use.reads and one.memory in wanted for path in paths for one, _ in self._met(path))

    def _met(self, path: Path) -> Iterator[tuple[_Place, bool]]:
        """The places that a packet came to, and whether it matched the whole rule."""
        seen = None
        for one, matched in self._on(path):
            if not matched:
                seen = seen or seen_on(path)
            if seen is None or matched or may_hold(one.use.gates, seen):
                yield one, matched

    def _on(self, path: Path) -> Sequence[tuple[_Place, bool]]:
        """The places that stand on a path, whatever they ask; packets that went the same way share their steps."""
        known = self._told.get(id(path.steps))
        if known is not None and known[0] is path.steps and known[1] == (path.node, path.entry.family):
            return known[2]
        reached = _reached(path)
        matched = {(step.table, step.chain, step.rule.number) for step in path.steps if step.rule is not None}
        found = tuple(
            (one, (one.rule.table, one.rule.chain, one.rule.number) in matched)
            for (table, chain) in path.chains
            for one in self._by_chain.get((path.node, table, chain), ())
            if one.judges(path.entry.family) and reached.get((table, chain), math.inf) >= one.rule.number
        )
        if len(self._told) >= _MOST_TOLD:
            self._told.clear()
        self._told[id(path.steps)] = path.steps, (path.node, path.entry.family), found
        return found

    def whims(self, flow: Flow) -> tuple[HeldRule, ...]:
        """The rules that some packet of the flow may come to and that decide by nothing that is its own."""
        ways = {node: self._ways.to(node, flow) for node in {node for node, _ in self._chance}}
        return tuple(rule for node, rule in self._chance if ways[node].may_come(rule, rule.conditions))

    def whim_on(self, paths: Iterable[Path]) -> str | None:
        """The rule that decides by chance that one of the packets came to."""
        if not self._chance:
            return None
        for path in paths:
            reached = _reached(path)
            for node, rule in self._chance:
                came = node == path.node and (rule.table, rule.chain) in path.chains and is_chance(rule.text)
                if came and reached.get((rule.table, rule.chain), math.inf) >= rule.number:
                    return f"{node} {rule.table}:{rule.chain}:{rule.number} ({rule.text})"
        return None


def _places(held: Mapping[str, Chains]) -> Iterator[_Place]:
    for node, chains in held.items():
        for rule in rules_of(chains):
            for use in rule.uses:
                yield _Place(node, rule, use, _memory(node, rule, use))


def _memory(node: str, rule: HeldRule, use: Use) -> Memory:
    if use.name is None:
        return Memory(node, use.kind, rule.family, rule.table, f"{rule.chain}:{rule.number}")
    if use.kind is Kind.SET and not rule.is_native:
        return Memory(node, use.kind, "", "", use.name)
    return Memory(node, use.kind, rule.family, "" if use.kind in _OF_THE_NODE else rule.table, use.name)


def _reached(path: Path) -> dict[tuple[str, str], float]:
    """How far a packet came in each chain: the last rule that matched, or the chain's end."""
    found: dict[tuple[str, str], float] = {}
    for step in path.steps:
        number = math.inf if step.rule is None or step.rule.number is None else step.rule.number
        found[step.table, step.chain] = max(number, found.get((step.table, step.chain), 0))
    return found


def whim_of(text: str) -> str | None:
    """Why a rule of this text, of either dialect, may treat the next packet otherwise, with no reason in it; or None.

    >>> whim_of("-A INPUT -m statistic --mode random --probability 0.5 -j DROP")
    'a rule decides by chance, and another run may differ'
    """
    if is_chance(text):
        return "a rule decides by chance, and another run may differ"
    if "--mode nth" in text or "numgen inc" in text:
        return "a rule decides by counting packets, and the next one may fare otherwise"
    return None


def is_chance(text: str) -> bool:
    """Whether a rule of this text decides by chance.

    >>> is_chance("numgen random mod 2 vmap { 0 : drop, 1 : accept }"), is_chance("numgen inc mod 2 0 drop")
    (True, False)
    """
    return "--mode random" in text or "numgen random" in text
