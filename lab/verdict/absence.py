r"""What a verdict rests on that is not there: rules that would have had a say, if somebody had what they wait for.

>>> from dataclasses import replace
>>> from lab.ruleset.held_save import chains_of_save
>>> from lab.ruleset.save import read_save
>>> from lab.written.expect.example import PASSED
>>> text = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -i tun0 -j DROP\n-A FORWARD -j ACCEPT\nCOMMIT"
>>> absences = Absences(topology, {"gateway": chains_of_save("ip", read_save(text))}, {"gateway": Here(["wan", "dmz"])})
>>> way = replace(PASSED.path[0], steps=PASSED.path[0].steps[2:])  # rule 2 let it pass
>>> passed = replace(PASSED, observation=replace(PASSED.observation, request=(way,)))
>>> absences.behind([(passed, ())], sender="world")
('gateway filter:FORWARD:1 was passed over for want of the interface tun0: with it this could be otherwise',)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from lab.record.path import LOOPBACK, End, Path
from lab.record.verdict import Verdict
from lab.ruleset.absent import INTERFACE, PAYLOAD, USER, Here, Need, lacks_interface, named_interfaces, needs_of
from lab.ruleset.aimed import Seen, may_match, seen_on
from lab.ruleset.conditions import without_texts
from lab.ruleset.describe import described
from lab.ruleset.extensions import TARGETS
from lab.ruleset.held import Chains, HeldRule
from lab.ruleset.rule import Ports
from lab.written.topology import Topology

_FAMILIES = {"ip": 4, "ip6": 6}
_DENY = frozenset(("DROP", "REJECT", "drop", "reject", "TARPIT"))
_ACCEPT = frozenset(("ACCEPT", "accept"))
_LEAVE = frozenset(("RETURN", "return", "vmap"))
_TURN = frozenset(("DNAT", "REDIRECT", "dnat", "redirect"))
_TAKE = frozenset(("tproxy",))
_Chain = tuple[str, str, str]  # node, table, chain


class Absences:
    """The rules of some nodes that need what is not there, read once, asked for each verdict."""

    def __init__(self, topology: Topology, held: Mapping[str, Chains], here: Mapping[str, Here]) -> None:
        self._topology = topology
        self._needing: dict[_Chain, list[tuple[HeldRule, tuple[Need, ...]]]] = {}
        self._words: dict[_Chain, set[str]] = {}
        self._named: dict[str, set[str]] = {}
        for node, chains in held.items():
            named = self._named.setdefault(node, set())
            for chain in chains.values():
                place = node, chain.table, chain.name
                self._words.setdefault(place, set()).add(chain.policy or "RETURN")
                for rule in chain.rules:
                    self._words[place].update(_words_of(rule))
                    named.update(named_interfaces(rule))
                    if needs := needs_of(rule, here[node]):
                        self._needing.setdefault(place, []).append((rule, needs))

    def behind(
        self, verdicts: Iterable[tuple[Verdict, Ports]], sender: str, *, as_user: bool = False, with_data: bool = False
    ) -> tuple[str, ...]:
        """Sentences, one for each kind of thing: which rule it was that needs it.

        ``verdicts`` are those of one row, each with the destination ports that it speaks for (none: that of its packet);
        ``sender`` is the node that sent, ``as_user`` tells that it was said as which user,
        ``with_data`` what it carries.
        """
        if not self._needing:
            return ()
        found: dict[tuple[str, bool], list[str]] = {}
        for verdict, ports in verdicts:
            for number, path in enumerate(verdict.path):
                turned_back = number > 0 and verdict.path[number - 1].turned_back
                before = None if turned_back else verdict.path[number - 1].node if number else sender
                for rule, need in self._of_path(path, verdict, self._seen(path, verdict, before, ports)):
                    if (as_user and need.kind == USER) or (with_data and need.kind == PAYLOAD):
                        continue
                    how = "matched" if need.negated else "was passed over"
                    source = f" [{rule.source}]" if rule.source else ""
                    named = f"{described(path.node, rule)}{source}"
                    words = f"{named} {how} for want of {need.what}: with it this could be otherwise"
                    found.setdefault((need.kind, need.negated), []).append(words)
        return tuple(words[0] + _and_more(len(set(words)) - 1) for words in found.values())

    def _of_path(self, path: Path, verdict: Verdict, seen: Seen) -> Iterator[tuple[HeldRule, Need]]:
        reached, matched = _walked(path)
        denied = path.end in (End.DROPPED, End.STOLEN) and path.node == verdict.node
        last = [(step.table, step.hook) for step in path.steps[-1:]]
        deciding = {(step.table, step.chain) for step in path.steps if (step.table, step.hook) in last}
        known = self._knows_interfaces(path, seen)
        for (table, chain), number in reached.items():
            decides = not denied or (table, chain) in deciding
            for rule, needs in self._needing.get((path.node, table, chain), ()):
                if _FAMILIES.get(rule.family, path.entry.family) != path.entry.family or rule.number > number:
                    continue
                if (table, chain, rule.number) in matched:
                    yield from ((rule, need) for need in needs if need.negated and need.kind != INTERFACE)
                elif self._otherwise(path.node, rule, denied=denied, decides=decides) and _is_for(rule, needs, seen):
                    others = {INTERFACE} if known else set()
                    yield from ((rule, need) for need in needs if not need.negated and need.kind not in others)

    def _knows_interfaces(self, path: Path, seen: Seen) -> bool:
        """Whether the rules name the packet's own interfaces: then one that names another is about other packets."""
        own = [name for name in (*(seen.entered or ()), *(seen.left or ())) if name]
        named = self._named.get(path.node, ())
        return bool(own) and all(any(not lacks_interface(name, (one,)) for name in named) for one in own)

    def _otherwise(self, node: str, rule: HeldRule, *, denied: bool, decides: bool) -> bool:
        """Whether the rule, had it matched, may have decided otherwise: in a packet's table of decision, or before it."""
        words = self._reachable(node, rule)
        if not denied:
            return not words.isdisjoint(_DENY | _LEAVE | _TAKE)
        return not words.isdisjoint(_ACCEPT | _LEAVE) if decides else not words.isdisjoint(_TURN)

    def _reachable(self, node: str, rule: HeldRule) -> set[str]:
        """The words of the verdicts that the rule leads to, those of the chains that it jumps to too."""
        found = set(_words_of(rule))
        known: set[str] = set()
        waiting = [word for word in found if (node, rule.table, word) in self._words]
        while waiting:
            chain = waiting.pop()
            if chain in known:
                continue
            known.add(chain)
            more = self._words[node, rule.table, chain] - _LEAVE
            found |= more
            waiting += [word for word in more if (node, rule.table, word) in self._words]
        return found

    def _seen(self, path: Path, verdict: Verdict, before: str | None, spoken_for: Ports) -> Seen:
        first = verdict.observation.sent.flags in (0, 2, 8, 128)
        return seen_on(path, spoken_for, entered=self._entered(path.node, before), states=("NEW",) if first else None)

    def _entered(self, node: str, before: str | None) -> Sequence[str] | None:
        """The interfaces by which a packet may have come from the node before; "" where it was made here.

        None is the node itself, which sent it to itself.
        """
        if before is None:
            return (LOOPBACK,)
        if before == node:
            return ("",)
        shared = {interface.network for interface in self._topology.nodes[before].interfaces.values()}
        own = self._topology.nodes[node].interfaces.items()
        return [name for name, interface in own if interface.network in shared] or None


def _walked(path: Path) -> tuple[dict[tuple[str, str], float], set[tuple[str, str, int]]]:
    """How far the packet came in each chain (the last rule that matched, or the chain's end), and which rules matched."""
    reached: dict[tuple[str, str], float] = {}
    matched: set[tuple[str, str, int]] = set()
    for step in path.steps:
        number = math.inf if step.rule is None or step.rule.number is None else step.rule.number
        reached[step.table, step.chain] = max(number, reached.get((step.table, step.chain), 0))
        if step.rule is not None and step.rule.number is not None:
            matched.add((step.table, step.chain, step.rule.number))
    return reached, matched


def _is_for(rule: HeldRule, needs: Sequence[Need], seen: Seen) -> bool:
    """Whether all that the rule asks besides speaks of this packet."""
    but = {"entered", "left"} if any(need.kind == INTERFACE for need in needs) else set()
    if any(need.kind == "helper" for need in needs):
        but.add("states")  # what a helper expects is RELATED
    return may_match(rule, seen, but=but)


def _words_of(rule: HeldRule) -> set[str]:
    """The word that says what becomes of the packet, and the chains that it may go to."""
    found = {rule.target} if rule.target else set()
    if rule.is_native:
        found.update(rule.jump_to)
        found.update(_TAKE.intersection(without_texts(rule.text).split()))
    elif rule.target in TARGETS:
        found -= {"LOG", "NFLOG"}
    return found


def _and_more(count: int) -> str:
    return f" (and so {count} more {'rule' if count == 1 else 'rules'})" if count > 0 else ""
