"""Which rules of a node packets met, as the kernel counts them."""

from __future__ import annotations

from collections.abc import Iterable

from lab.lab import Lab
from lab.record.path import Rule
from lab.record.rehearsal import RuleCount

MOST = 10


def logged(lab: Lab, node: str) -> tuple[RuleCount, ...]:
    """The rules that logged packets, the first one most."""
    return _met(lab, lab.policies[node].index.logging)


def rule_counts(lab: Lab, node: str) -> tuple[RuleCount, ...]:
    """The rules that counted most, the first one most; none where rules have no counters."""
    return _met(lab, lab.policies[node].index.all())[:MOST]


def _met(lab: Lab, rules: Iterable[Rule]) -> tuple[RuleCount, ...]:
    counted = lab.instrument.packets()
    found = [RuleCount(str(rule), packets) for rule in rules if (packets := counted.of(rule))]
    return tuple(sorted(found, key=lambda one: -one.packets))
