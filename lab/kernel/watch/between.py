"""Which rule is meant while the rules of a node are exchanged: the kernel's numbers begin anew with every table.

A packet that is under way meanwhile may have met rule 5 of before or rule 5 of now, and nothing that the kernel tells of it
says which.  Where both are alike, or only one of them is there, it is known all the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from lab.kernel.hold.rule_index import RulePlace
from lab.record.path import Rule


class Rules(Protocol):
    """What a trace names rules by, as `RuleIndex`."""

    def find(self, family: str, table: str, chain: str, handle: int) -> Rule:
        """The rule with this handle, or the policy."""

    def numbered(self, family: str, table: str, chain: str, number: int) -> Rule | None:
        """The same; None where there is none."""

    def place(self, family: str, table: str, chain: str) -> RulePlace | None:
        """Where a base chain stands."""

    def shown(self, family: str, table: str, chain: str) -> str:
        """What the lab calls a chain."""

    def has_chain(self, family: str, table: str, chain: str) -> bool:
        """Whether the table has a chain of this name."""


class Between:
    """The rules of ``before`` and of ``now``, of packets that may have met either."""

    def __init__(self, before: Rules, now: Rules) -> None:
        self._before, self._now = before, now

    def find(self, family: str, table: str, chain: str, handle: int) -> Rule:
        """The rule with this handle; where it may be one of two, both are named and none is said to have decided."""
        return self.numbered(family, table, chain, handle) or self._now.find(family, table, chain, handle)

    def numbered(self, family: str, table: str, chain: str, number: int) -> Rule | None:
        """The same; None where neither has it."""
        before, now = (rules.numbered(family, table, chain, number) for rules in (self._before, self._now))
        if before is None or now is None or before == now:
            return now or before
        if replace(before, source=now.source) == now:
            return replace(now, source=None)
        text = f"({before.text}; or, since the rules were exchanged, {now.text})"
        return Rule(now.node, table, now.chain, now.number, text, family=family)

    def place(self, family: str, table: str, chain: str) -> RulePlace | None:
        """Where a base chain stands."""
        return self._now.place(family, table, chain) or self._before.place(family, table, chain)

    def shown(self, family: str, table: str, chain: str) -> str:
        """What the lab calls a chain."""
        name = self._now.shown(family, table, chain)
        return name if name != chain else self._before.shown(family, table, chain)

    def has_chain(self, family: str, table: str, chain: str) -> bool:
        """Whether the table has, or had, a chain of this name."""
        return self._now.has_chain(family, table, chain) or self._before.has_chain(family, table, chain)
