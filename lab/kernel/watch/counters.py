"""What the rules of one node counted by now, each under the key that its trace names it by."""

from __future__ import annotations

from collections.abc import Mapping

from lab.kernel.ground.namespace import Namespace
from lab.kernel.hold.nf_tables import counted_rules
from lab.kernel.hold.renew.legacy import packets_of
from lab.kernel.hold.rule_index import Key, RuleIndex
from lab.record.path import Rule

MOST_RULES = 5_000  # of one node: all of them are read, as nobody knows before which will be met


def packets(namespace: Namespace, rules: RuleIndex, *, legacy: bool) -> Mapping[Key, int]:
    """The packets of each rule that counts; nothing of a node with more than `MOST_RULES`.

    Rules that iptables loads always count, and in ip_tables policies too; native ones do where they say so.
    """
    if len(rules) > MOST_RULES:
        return {}
    found: dict[Key, int] = {(*key, handle): counted for key, handle, counted in counted_rules(namespace)}
    for family, table in dict.fromkeys((rule.family, rule.table) for rule in rules.all()) if legacy else ():
        if family in ("ip", "ip6"):
            told = packets_of(namespace, family, table)
            found |= {(family, table, chain, number): counted for (chain, number), counted in told.items()}
    return found


class Counted:
    """What the rules of all watched nodes counted at one moment: ``found`` by node, and the rules of each."""

    def __init__(self, found: Mapping[str, tuple[RuleIndex, Mapping[Key, int]]]) -> None:
        self._found = found

    def of(self, rule: Rule) -> int | None:
        """The packets of a rule or a policy; None where it does not count, or is not known."""
        if rule.node not in self._found:
            return None
        rules, counted = self._found[rule.node]
        number = rule.number
        key = (rule.family, rule.table, rule.chain, 0) if number is None else rules.key_of(*_place(rule), number)
        return None if key is None else counted.get(key)


def _place(rule: Rule) -> tuple[str, str, str]:
    return rule.family, rule.table, rule.chain
