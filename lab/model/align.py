"""Rules that two rulesets share: what matches none of the others is treated the same by both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from lab.ruleset.held import ChainKey, Chains, HeldChain, HeldRule

Sets = Mapping[str, frozenset[str]]
"""Of one side, what each ipset is made of and holds."""


def sets_of(text: str) -> Sets:
    r"""What makes each set of ``ipset save``, in any order; sets of sets have what makes those, too.

    >>> sorted(sets_of("create a hash:ip\nadd a 10.0.0.1")["a"])
    ['add a 10.0.0.1', 'create a hash:ip']
    """
    made: dict[str, set[str]] = {}
    for line in text.splitlines():
        found = line.split()
        if found[:1] in (["create"], ["add"]) and len(found) > 2:
            made.setdefault(found[1], set()).add(" ".join(found))
    return {
        name: frozenset(lines.union(*(made.get(line.split()[2], ()) for line in lines if line.startswith("add "))))
        for name, lines in made.items()
    }


class Changed(NamedTuple):
    """The rules of either side that the other has not at the same place, and the chains that end otherwise."""

    rules: tuple[HeldRule, ...]
    chains: frozenset[ChainKey]


def changed(old: Chains, new: Chains, old_sets: Sets, new_sets: Sets) -> Changed:
    """What differs, chain by chain; a rule that asks a set whose definition differs counts as changed."""
    rules: list[HeldRule] = []
    chains: set[ChainKey] = set()
    for key in dict.fromkeys((*old, *new)):
        before, after = old.get(key), new.get(key)
        if before is None or after is None or _hooked(before) != _hooked(after):
            rules += (*(before.rules if before else ()), *(after.rules if after else ()))
            chains.add(key)
        else:
            rules += _unshared(before.rules, after.rules, old_sets, new_sets)
            if _policy(before) != _policy(after):
                chains.add(key)
    return Changed(tuple(rules), frozenset(chains))


def _hooked(chain: HeldChain) -> tuple[object, ...]:
    return chain.hook, chain.kind, chain.priority


def _policy(chain: HeldChain) -> str:
    return (chain.policy or "").lower()


def _unshared(
    old: Sequence[HeldRule], new: Sequence[HeldRule], old_sets: Sets, new_sets: Sets
) -> Iterator[HeldRule]:
    numbers: dict[object, int] = {}
    before = [numbers.setdefault(_key(rule, old_sets), len(numbers)) for rule in old]
    after = [numbers.setdefault(_key(rule, new_sets), len(numbers)) for rule in new]
    start, end = 0, 0
    least = min(len(before), len(after))
    while start < least and before[start] == after[start]:
        start += 1
    while end < least - start and before[-1 - end] == after[-1 - end]:
        end += 1
    first, second = before[start: len(before) - end], after[start: len(after) - end]
    for word, low, high, from_, to in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if word != "equal":
            yield from old[start + low: start + high]
            yield from new[start + from_: start + to]


def _key(rule: HeldRule, sets: Sets) -> object:
    """All that says what a rule does, without its place."""
    named = tuple((name, sets.get(name)) for name in sorted(rule.sets))
    asked = tuple((name, elements) for name, elements in rule.named.items() if f"@{name}" in rule.text)
    return (rule.text, rule.remembers, named, asked, tuple(rule.defined.items()) if "@" in rule.text else ())
