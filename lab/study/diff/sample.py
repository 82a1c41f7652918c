"""Flows for what no model reads: at the edges of all that the rules of both sides name, rule by rule, and some at random."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from itertools import chain, zip_longest
from typing import NamedTuple

from lab.record.difference import Flow
from lab.ruleset.address_conditions import Entries, entries_of, read_conditions
from lab.ruleset.conditions import DESTINATIONS, DPORTS
from lab.ruleset.held import ChainKey, Chains, HeldRule, ports_of
from lab.study.diff.grounds import Grounds, Origin
from lab.study.diff.points import Aimed, Points
from lab.study.diff.proposer import Holds
from lab.written.topology import Topology
from lab.written.words import is_address

MOST = 1_000  # flows that are chosen of the rules
AT_RANDOM = 100
_MOST_CALLERS = 2  # of a chain, and how deep
_DEEP = 3
_SET = re.compile(r"@([\w.-]+)")


class Sampled(NamedTuple):
    """The ``flows`` that are asked, those of rules that one side alone has first, of how many ``classes``."""

    flows: tuple[Flow, ...]
    classes: int


def sample(sides: Sequence[Holds], topology: Topology, node: str, family: int, seed: int) -> Sampled:
    """Flows past ``node`` that its rules on either of the ``sides`` may tell apart.

    Each rule gives the flows in the middle of its conditions, at the edges of them, and one beyond, one condition at a time.
    Of more than `MOST` each rule keeps its first ones.  ``seed`` chooses those at random.
    """
    grounds = Grounds(topology, node, family)
    sets = [entries_of(side.texts) for side in sides]
    otherwise = _otherwise(sets)
    changed, same = _sorted_out([_aimed(side.chains, family) for side in sides], otherwise)
    published = [_published(side.chains, grounds) for side in sides]
    points = [Points(grounds, of, to) for of, to in zip(sets, published, strict=True)]
    # of sets that are otherwise, only what one side has
    nearer = [Points(grounds, {**of, **otherwise}, to) for of, to in zip(sets, published, strict=True)]
    first = list(_in_turn([nearer[side].flows(one) for side, one in changed]))
    rest = list(_in_turn([points[side].flows(one) for side, one in same]))
    usual = [flow for of in points[:1] for flow in of.flows(Aimed(_ANYTHING))]
    found = tuple(dict.fromkeys((*first, *usual, *rest)))
    return Sampled(tuple(dict.fromkeys((*found[:MOST], *_at_random(found, grounds, seed)))), len(found))


_ANYTHING = HeldRule("inet", "", "", 1, "")


def _at_random(found: Sequence[Flow], grounds: Grounds, seed: int) -> Iterator[Flow]:
    """Ends and services that rules name, put together by chance."""
    chance = random.Random(seed)
    through = [flow for flow in found if flow.sport is None and not flow.flags]
    for _ in range(AT_RANDOM if through else 0):
        origin, target, service = (chance.choice(through) for _ in range(3))
        if grounds.passes(Origin(origin.node, origin.source), target.destination):
            yield Flow(origin.node, origin.source, target.destination, service.service, origin.family)


def _in_turn(several: Sequence[Iterable[Flow]]) -> Iterator[Flow]:
    """The first flow of each rule, then the second of each."""
    return (flow for flow in chain.from_iterable(zip_longest(*several)) if flow is not None)


def _otherwise(sets: Sequence[Entries]) -> Entries:
    """The ipsets that are not the same on all sides, with the entries that not all of them have."""
    found: dict[str, tuple[str, Mapping[str, str]]] = {}
    for name in dict.fromkeys(name for of in sets for name in of):
        kinds = [of.get(name, ("", {})) for of in sets]
        every = {entry: more for _, entries in kinds for entry, more in entries.items()}
        apart = {
            entry: more for entry, more in every.items()
            if any(entries.get(entry) != more for _, entries in kinds)
        }  # fmt: skip
        if apart:
            found[name] = next(kind for kind, _ in kinds if kind), apart
    return found


def _published(chains: Chains, grounds: Grounds) -> Mapping[str, Sequence[tuple[str, int | None]]]:
    """Where translations lead to, with what is asked for to come there."""
    found: dict[str, list[tuple[str, int | None]]] = {}
    for rule in (rule for held in chains.values() if held.judges(grounds.family) for rule in held.rules):
        new = rule.new_address if rule.translates == "destination" else None
        if not new or not (is_address(new) and ip_address(new).version == grounds.family):
            continue
        asked = [one for one in read_conditions(rule, grounds.family, {}).conditions if one.field == DESTINATIONS]
        named = [grounds.to_address(group[0][0]) for one in asked for group in one.groups if group and not one.negated]
        ports: list[int | None] = [low for one in rule.of(DPORTS) for low, _ in ports_of(one) or ()]
        for address in [text for text in named if text is not None] or grounds.own:
            found.setdefault(new, []).extend((address, port) for port in ports[:2] or [None])
    return found


def _aimed(chains: Chains, family: int) -> list[Aimed]:
    """Every rule of a side, with the rules that lead to it."""
    callers: dict[ChainKey, list[HeldRule]] = {}
    for held in chains.values():
        for rule in held.rules:
            for name in rule.jump_to:
                callers.setdefault((rule.family, rule.table, name), []).append(rule)
    return [
        Aimed(rule, stack, hook)
        for held in chains.values() if held.judges(family)
        for stack, hook in _led(held.key, chains, callers)
        for rule in held.rules
    ]  # fmt: skip


def _led(
    key: ChainKey, chains: Chains, callers: Mapping[ChainKey, Sequence[HeldRule]], deep: int = _DEEP
) -> Iterator[tuple[tuple[HeldRule, ...], str | None]]:
    """The rules that lead to a chain, in a few ways, and the hook that each begins with."""
    held = chains.get(key)
    if held is not None and held.hook is not None:
        yield (), held.hook
    if deep:
        for caller in callers.get(key, ())[:_MOST_CALLERS]:
            for stack, hook in _led(caller.key, chains, callers, deep - 1):
                yield (caller, *stack), hook


def _sorted_out(
    sides: Sequence[Sequence[Aimed]], otherwise: Entries
) -> tuple[list[tuple[int, Aimed]], list[tuple[int, Aimed]]]:
    """(side, rule) of what one side alone has or has elsewhere, and of what both have, once.

    A rule that asks a set that is ``otherwise`` is not the same.
    """
    by_chain: list[dict[tuple[ChainKey, tuple[str, ...]], list[Aimed]]] = [{} for _ in sides]
    for number, side in enumerate(sides):
        for one in side:
            key = one.rule.key, tuple(rule.text for rule in one.callers)
            by_chain[number].setdefault(key, []).append(one)
    changed: list[tuple[int, Aimed]] = []
    same: list[tuple[int, Aimed]] = []
    for key in dict.fromkeys(key for of in by_chain for key in of):
        rows = [of.get(key, []) for of in by_chain]
        texts = [[_said(one.rule) for one in row] for row in rows]
        ahead, behind = _alike(texts)
        for number, row in enumerate(rows):
            window = range(ahead, len(row) - behind)
            others = {text for other, of in enumerate(texts) if other != number for text in of}
            moved = [at for at in window if texts[number][at] not in others] or window
            otherwise_read = (at for at, one in enumerate(row) if not one.rule.sets.isdisjoint(otherwise))
            chosen = {*moved, *otherwise_read}
            changed += [(number, row[at]) for at in sorted(chosen)]
            if number == 0:
                same += [(number, one) for at, one in enumerate(row) if at not in chosen]
    return changed, same


def _said(rule: HeldRule) -> tuple[str, ...]:
    """The rule's text, and the elements of the sets of its table that it names."""
    if not rule.is_native or "@" not in rule.text:
        return (rule.text,)
    return rule.text, *(rule.named.get(name, "") for name in _SET.findall(rule.text))


def _alike(rows: Sequence[Sequence[tuple[str, ...]]]) -> tuple[int, int]:
    """How many rules are the same at the beginning of all rows, and at their end."""
    least = min(map(len, rows))
    ahead = next((at for at in range(least) if len({row[at] for row in rows}) > 1), least)
    left = least - ahead
    behind = next((at for at in range(left) if len({row[-1 - at] for row in rows}) > 1), left)
    return ahead, behind
