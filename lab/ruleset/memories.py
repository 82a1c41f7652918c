r"""What the rules of all nodes remember, which of it may change a flow's fate, and what packets changed of it.

>>> from lab.ruleset.held_save import chains_of_save
>>> from lab.ruleset.save import read_save
>>> text = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m limit --limit 5/min -j ACCEPT\nCOMMIT"
>>> memories = Memories(topology, {"gateway": chains_of_save("ip", read_save(text))})
>>> (limit,) = memories.in_the_way(Flow(4, "tcp", ((443, 443),), ("world", "web")))
>>> limit.name, memories.budget_of(limit)
('FORWARD:1', 5)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property

from lab.record.path import Path
from lab.ruleset.conditions import Condition
from lab.ruleset.flow import Flow
from lab.ruleset.hazards import is_hazard
from lab.ruleset.held import ChainKey, Chains, HeldRule, rules_of
from lab.ruleset.in_the_way import Ways
from lab.ruleset.memory import BOUNDLESS, Kind, Memory, Use
from lab.ruleset.nft.uses import sets_something
from lab.ruleset.touches import Reader, Touches, met_by
from lab.ruleset.whims import before_chance, is_chance, whim_of
from lab.written.topology import Topology

__all__ = ["Flow", "Memories"]

_EVERY_FAMILYS = ("", "")
_CACHED = 10_000  # flows


class Memories:
    """Reads the rules of all nodes once.

    A memory counts where some rule asks it and some rule writes it: a list that nobody reads remembers nothing that matters.
    """

    def __init__(self, topology: Topology, held: Mapping[str, Chains]) -> None:
        self._topology, self._held = topology, held
        self._uses: dict[Memory, list[tuple[HeldRule, Use]]] = {}
        self._of: dict[tuple[str, HeldRule], tuple[tuple[Memory, Use], ...]] = {}
        found = [(node, rule) for node, chains in held.items() for rule in rules_of(chains) if rule.uses]
        unnamed = {(node, rule.family, rule.table) for node, rule in found for use in rule.uses if _is_any_object(use)}
        read = {(node, rule): tuple((_memory(node, rule, use, unnamed), use) for use in rule.uses) for node, rule in found}
        asked = {memory for uses in read.values() for memory, use in uses if use.reads}
        written = {memory for uses in read.values() for memory, use in uses if use.writes}
        for (node, rule), uses in read.items():
            of = tuple((memory, use) for memory, use in uses if memory in asked and memory in written)
            if of:
                self._of[node, rule] = of
                for memory, use in of:
                    self._uses.setdefault(memory, []).append((rule, use))
        self._by_source = {memory: all(use.by_source for _, use in uses) for memory, uses in self._uses.items()}
        self._cached: dict[tuple[Flow, bool, bool], tuple[Memory, ...]] = {}
        self._written: dict[Flow, tuple[Memory, ...]] = {}
        self.any = bool(self._uses) or any(whim_of(rule.text) for chains in held.values() for rule in rules_of(chains))

    @cached_property
    def _ways(self) -> Ways:
        return Ways(self._topology, self._held)

    @cached_property
    def _touches(self) -> Touches:
        return Touches(self._of, self._by_source)

    def in_the_way(self, flow: Flow, *, first: bool = False, logs: bool = False) -> tuple[Memory, ...]:
        """The memories that may change the fate of the flow: a packet of it may match a rule that asks one.

        With ``first`` its first packet alone counts, the request before there is an answer.  A rule that merely logs has no say
        in the flow's fate: it counts only with ``logs``.
        """
        if not self._uses:
            return ()
        # most flows meet none at any port: that is found once for all ports
        anywhere = self._remembered(flow._replace(ports=()), first=first, logs=logs)
        return self._remembered(flow, first=first, logs=logs) if anywhere and flow.ports else anywhere

    def _remembered(self, flow: Flow, *, first: bool, logs: bool) -> tuple[Memory, ...]:
        key = flow._replace(ends=tuple(flow.ends)), first, logs
        found = self._cached.get(key)
        if found is None:
            if len(self._cached) >= _CACHED:
                self._cached.clear()
            found = self._cached[key] = self._find(flow, first=first, logs=logs)
        return found

    @property
    def all(self) -> Collection[Memory]:
        """Every memory."""
        return self._uses.keys()

    def written_by(self, flow: Flow) -> tuple[Memory, ...]:
        """The memories that some packet of the flow may write; at any port, as that is found once."""
        if not self._uses:
            return ()
        anywhere = flow._replace(ends=tuple(flow.ends), ports=())
        if anywhere not in self._written:
            met = self._ways.met(anywhere, first=False, among=self._using, or_writes=True)
            self._written[anywhere] = tuple(dict.fromkeys(
                memory for node, rule in met for memory, use in self._of.get((node, rule), ()) if use.writes
            ))  # fmt: skip
        return self._written[anywhere]

    def chance_on(self, paths: Iterable[Path]) -> Reader | None:
        """The first rule that decides by chance that one of the packets came as far as, with its node; None for none."""
        return met_by(self._by_chance, tuple(paths)) if self._by_chance else None

    @cached_property
    def _by_chance(self) -> Sequence[tuple[Reader, tuple[Condition, ...]]]:
        return [
            ((node, rule), before_chance(rule.text))
            for node, chains in self._held.items()
            for rule in rules_of(chains)
            if is_chance(rule.text)
        ]

    def _find(self, flow: Flow, *, first: bool, logs: bool) -> tuple[Memory, ...]:
        found: dict[Memory, None] = {}
        for node, rule in self._ways.met(flow, first=first, among=self._using):
            for memory, use in self._of.get((node, rule), ()):
                if use.reads and (logs or self._decides(node, rule)):
                    found[memory] = None
        return tuple(found)

    def _decides(self, node: str, rule: HeldRule) -> bool:
        """Whether the rule has a say in a packet's fate, or writes what another rule asks."""
        silent = self._silent[node]
        return rule.key not in silent and self._has_say(node, rule, silent)

    def _has_say(self, node: str, rule: HeldRule, silent: Collection[ChainKey]) -> bool:
        if any(use.writes and use.name is not None for _, use in self._of.get((node, rule), ())):
            return True
        if not rule.has_say or rule.goto or not rule.jump_to or (rule.is_native and rule.statements != {"jump"}):
            return rule.has_say
        return sets_something(rule.text) or any((rule.family, rule.table, name) not in silent for name in rule.jump_to)

    @cached_property
    def _silent(self) -> Mapping[str, Collection[ChainKey]]:
        """The chains of each node that only log and return: whatever a packet meets there, it fares no otherwise."""
        found: dict[str, set[ChainKey]] = {}
        for node, chains in self._held.items():
            silent = found[node] = {key for key, chain in chains.items() if chain.hook is None}
            while loud := {
                key for key in silent for rule in chains[key].rules
                if rule.target not in ("RETURN", "return") and self._has_say(node, rule, silent)
            }:  # fmt: skip
                silent -= loud
        return found

    def rules_of(self, memory: Memory) -> tuple[HeldRule, ...]:
        """The rules that ask or write it; of a list of recent also those of the other family, which keep it alive."""
        same = [memory]
        if memory.kind is Kind.RECENT:
            same += [one for one in self._uses if one != memory and one._replace(family=memory.family) == memory]
        return tuple(dict.fromkeys(rule for one in same for rule, _ in self._uses.get(one, ())))

    def budget_of(self, memory: Memory) -> int:
        """How many packets may come to it before it acts otherwise: the least that one of its uses bears."""
        return min((use.budget for _, use in self._uses.get(memory, ())), default=BOUNDLESS)

    def refilled(self, memory: Memory, seconds: float) -> int:
        """How many packets more it bears at most, where those that came to it came in so many seconds."""
        return max((use.refilled(seconds) for _, use in self._uses.get(memory, ())), default=0)

    def whims(self, flow: Flow, *, first: bool = False) -> tuple[HeldRule, ...]:
        """The rules that decide by chance or by counting, and that the flow may meet."""
        met = self._ways.met(flow, first=first, among=self._whimsical)
        return tuple(dict.fromkeys(rule for _, rule in met if whim_of(rule.text) is not None and rule.has_say))

    def hazards_met(self, flow: Flow, *, first: bool = False) -> tuple[HeldRule, ...]:
        """The rules that `lab.ruleset.hazards` knows something of and that the flow may meet."""
        met = self._ways.met(flow, first=first, among=self._hazardous)
        return tuple(dict.fromkeys(rule for _, rule in met if is_hazard(rule)))

    def touches(self, paths: Iterable[Path]) -> Counter[tuple[Memory, str | None]]:
        """How often the packets of these traced paths changed each memory, by source address where it is so, else by None.

        What they only asked is told with 0, so add these counts by ``update``.  Where the text does not tell whether a packet
        changed it, it did.
        """
        return self._touches.of(paths)

    def reaches(self, paths: Iterable[Path], memories: Collection[Memory]) -> Reader | None:
        """The first rule that asks one of these memories and that a packet came as far as, with its node; None for none."""
        return self._touches.reader(paths, frozenset(memories))

    @cached_property
    def _using(self) -> Mapping[str, Sequence[HeldRule]]:
        return self._that(lambda node, rule: (node, rule) in self._of)

    @cached_property
    def _whimsical(self) -> Mapping[str, Sequence[HeldRule]]:
        return self._that(lambda _, rule: whim_of(rule.text) is not None)

    @cached_property
    def _hazardous(self) -> Mapping[str, Sequence[HeldRule]]:
        return self._that(lambda _, rule: is_hazard(rule))

    def _that(self, wanted: Callable[[str, HeldRule], bool]) -> dict[str, Sequence[HeldRule]]:
        """The rules of each node that are ``wanted``."""
        return {
            node: [rule for rule in rules_of(chains) if wanted(node, rule)] for node, chains in self._held.items()
        }


def _is_any_object(use: Use) -> bool:
    return use.kind is Kind.OBJECT and use.name == "*"


def _memory(node: str, rule: HeldRule, use: Use, unnamed: Collection[tuple[str, str, str]]) -> Memory:
    """The memory that a rule's use is of; where some rule's object is not known, the objects of its table are one."""
    if use.name is None:
        return Memory(node, use.kind, rule.family, rule.table, f"{rule.chain}:{rule.number}")
    if use.kind in (Kind.RECENT, Kind.HASHLIMIT):
        return Memory(node, use.kind, rule.family, "", use.name)
    if not rule.is_native:
        return Memory(node, use.kind, *_EVERY_FAMILYS, use.name)
    merged = use.kind is Kind.OBJECT and (node, rule.family, rule.table) in unnamed
    return Memory(node, use.kind, rule.family, rule.table, "*" if merged else use.name)
