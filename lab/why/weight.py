"""How much of a packet a rule means."""

from __future__ import annotations

from lab.ruleset.addresses import WIDTH, size
from lab.ruleset.asked import DESTINATION_IN, SOURCE_IN, Asked
from lab.ruleset.conditions import DESTINATIONS, DPORTS, ENTERED, ICMP_TYPES, LEFT, ORIGINAL_DPORTS, SOURCES
from lab.ruleset.held import HeldRule

SPECIFIC = 4
"""The weight of a port, or of one host that it is for; of one that sends it is one less."""
FEW_PORTS = 1024


def weight(rule: HeldRule, but: Asked | None = None) -> int:
    """How much of a packet the rule means, beside one thing that it asks: ports and hosts most, interfaces little."""
    asked = rule.whole.asked if rule.whole is not None else ()
    return sum(weight_of(one) for one in asked if one is not but and not one.negated)


def weight_of(asked: Asked) -> int:
    """How much of a packet one thing means."""
    if asked.field in (DPORTS, ORIGINAL_DPORTS):
        return SPECIFIC if _ports(asked) <= FEW_PORTS else 1
    if asked.field == DESTINATIONS:
        return _weight_of_addresses(asked, SPECIFIC)
    if asked.field == SOURCES:
        return _weight_of_addresses(asked, SPECIFIC - 1)
    return {ICMP_TYPES: SPECIFIC, DESTINATION_IN: SPECIFIC, SOURCE_IN: 2, ENTERED: 1, LEFT: 1}.get(asked.field, 0)


def _weight_of_addresses(asked: Asked, most: int) -> int:
    widths = [(size(ranges), 2 ** WIDTH[family]) for family, ranges in asked.values]
    if all(found <= 1 for found, _ in widths):
        return most
    return 2 if all(found < whole for found, whole in widths) else 0


def names_the_sender(rule: HeldRule) -> bool:
    """Whether a rule is about single hosts that send, or about those of a set."""
    asked = rule.whole.asked if rule.whole is not None else ()
    return any(one.field == SOURCE_IN or (one.field == SOURCES and is_narrow(one)) for one in asked if not one.negated)


def is_narrow(asked: Asked) -> bool:
    """Whether it asks for single hosts or few ports."""
    if asked.field in (SOURCES, DESTINATIONS):
        return weight_of(asked) >= SPECIFIC - 1
    return _ports(asked) <= FEW_PORTS


def _ports(asked: Asked) -> int:
    return sum(int(high) - int(low) + 1 for low, high in asked.values)
