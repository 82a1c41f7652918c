"""Which rules of a node packets met, as the kernel counts them."""

from __future__ import annotations

from lab.lab import Lab
from lab.record.rehearsal import RuleCount

MOST = 10


def logged(lab: Lab, node: str) -> tuple[RuleCount, ...]:
    """The rules that logged packets, the first one most."""
    counted = lab.instrument.packets()
    found = ((counted.of(rule), rule) for rule in lab.policies[node].index.logging)
    return tuple(sorted((RuleCount(str(rule), packets) for packets, rule in found if packets), key=lambda one: -one.packets))


def rule_counts(lab: Lab, node: str) -> tuple[RuleCount, ...]:
    """The rules that counted most, the first one most; none where rules have no counters."""
    counted = lab.instrument.packets()
    found = ((counted.of(rule), rule) for rule in lab.policies[node].index.all())
    told = [RuleCount(str(rule), packets) for packets, rule in found if packets]
    return tuple(sorted(told, key=lambda one: -one.packets)[:MOST])
