"""Rules that no question met, and why, where their text says it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from lab.record.path import Rule, rules_on
from lab.record.verdict import Verdict
from lab.ruleset.absent import Here, needs_of
from lab.ruleset.address_conditions import only_counts
from lab.ruleset.aimed import Seen, may_match
from lab.ruleset.conditions import DESTINATIONS, DPORTS, ENTERED, LEFT, PROTO, SOURCES, SPORTS, STATES
from lab.ruleset.describe import described
from lab.ruleset.held import ChainKey, Chains, HeldRule
from lab.study.reach import PROTOCOLS

RuleKey = tuple[str, str, str, str, int | None]
"""Node, family, table, chain, number: what a rule is known by while nobody changes it."""

_OWN = "only packets that the node itself sends come to it, and no node under test is asked from"
_LOOPBACK = "only packets of the loopback come to it"
_STATE = "it is about packets of flows that are there already"
_ALL_FIELDS = frozenset((SOURCES, DESTINATIONS, DPORTS, SPORTS, ENTERED, LEFT, PROTO, STATES))


def met_by(verdict: Verdict) -> Iterator[RuleKey]:
    """The rules that the packets of one question met, its answer's too."""
    seen = verdict.observation
    for rule in rules_on((*seen.request, *seen.answer, *seen.others)):
        yield key_of(rule)
    if verdict.rule is not None:
        yield key_of(verdict.rule)


def key_of(rule: Rule) -> RuleKey:
    """What a rule is known by."""
    return rule.node, rule.family, rule.table, rule.chain, rule.number


def unmet(
    nodes: Mapping[str, tuple[Chains, Here]], met: Collection[RuleKey], families: Collection[int]
) -> tuple[tuple[Rule, ...], tuple[str, ...]]:
    """The rules of these nodes that do something and that nothing met, and of each why; "" where that is not known."""
    found = [
        (described(name, rule), why)
        for name, (chains, here) in nodes.items()
        for rule, why in _of_node(name, chains, here, met, families)
    ]
    return tuple(rule for rule, _ in found), tuple(why for _, why in found)


def _of_node(
    name: str, chains: Chains, here: Here, met: Collection[RuleKey], families: Collection[int]
) -> Iterator[tuple[HeldRule, str]]:
    into = _hooks(chains)
    for chain in chains.values():
        if not any(chain.judges(family) for family in families):
            continue
        for rule in chain.rules:
            if not only_counts(rule) and (name, *rule.key, rule.number) not in met:
                yield rule, why_unmet(rule, here, into.get(chain.key, frozenset()))


def why_unmet(rule: HeldRule, here: Here, hooks: Collection[str]) -> str:
    """Why nothing that an exposure asks can meet a rule that stands behind these hooks; "" where its text does not say.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> why_unmet(rule_in_line("v4", "-A FORWARD -p gre -j ACCEPT"), Here(["eth0"]), ["forward"])
    'it is about gre, and an exposure asks tcp and udp'
    """
    if not hooks:
        return f"no rule leads to its chain {rule.chain}"
    if set(hooks) <= {"output"}:
        return _OWN
    needs = [need for need in needs_of(rule, here) if not need.negated]
    if needs:
        return f"it needs {needs[0].what}, which is not there"
    if not any(rule.is_about(proto) for proto in PROTOCOLS):
        named = dict.fromkeys(value for one in rule.of(PROTO) for value in one.values)
        return f"it is about {' or '.join(named)}, and an exposure asks {' and '.join(PROTOCOLS)}"
    if any("lo" in one.values and not one.negated for field in (ENTERED, LEFT) for one in rule.of(field)):
        return _LOOPBACK
    states = Seen("", states=("NEW", "INVALID", "UNTRACKED", "DNAT", "SNAT"))
    return "" if may_match(rule, states, but=_ALL_FIELDS - {STATES}) else _STATE


def _hooks(chains: Chains) -> dict[ChainKey, frozenset[str]]:
    """The hooks from which packets come to each chain."""
    found: dict[ChainKey, set[str]] = {}
    for chain in chains.values():
        if chain.hook is None:
            continue
        waiting, seen = [chain.key], {chain.key}
        while waiting:
            key = waiting.pop()
            found.setdefault(key, set()).add(chain.hook)
            for after in _led_to(chains[key].rules, chains):
                if after not in seen:
                    seen.add(after)
                    waiting.append(after)
    return {key: frozenset(hooks) for key, hooks in found.items()}


def _led_to(rules: Iterable[HeldRule], chains: Chains) -> Iterator[ChainKey]:
    for rule in rules:
        for name in rule.jump_to:
            key = rule.family, rule.table, name
            if key in chains:
                yield key
