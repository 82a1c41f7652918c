"""Rules of native nft that remember: which of them stand where a flow may come by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from lab.ruleset.nft.listing import NftRule, NftRuleset, NftTable
from lab.ruleset.rule import SavedRule

_TABLES = {4: ("ip", "inet", "netdev"), 6: ("ip6", "inet", "netdev")}


class NativeStatefulRules:
    """The rules with a state of their own that packets of ``family`` may meet: limit, quota, ct count, sets that rules write.

    What a native rule matches is not read at all: every one in a chain that the flow may come to counts.
    """

    def __init__(self, ruleset: NftRuleset, family: int) -> None:
        self._tables = [table for table in ruleset.tables if table.family in _TABLES[family]]
        self.any = any(
            rule.stateful
            for table in self._tables
            for chain in table.chains.values()
            for _, rule in _with_blocks(chain.name, chain.rules)
        )

    def in_the_way(self, hook_chains: Sequence[str], *, logs: bool = False) -> tuple[SavedRule, ...]:
        """Those in chains that are entered from the hooks.

        A rule that merely logs has no say in the flow's fate: it counts only with ``logs``.
        """
        if not self.any:
            return ()
        hooks = {"ingress", "egress", *(chain.rpartition(":")[2].lower() for chain in hook_chains)}
        return tuple(
            SavedRule(table.name, chain, rule.number, rule.text, rule.comment, rule.target)
            for table in self._tables
            for chain, rule in _met(table, hooks)
            if rule.stateful and (logs or rule.target not in (None, "log"))
        )


def _met(table: NftTable, hooks: set[str]) -> Iterator[tuple[str, NftRule]]:
    """Every rule of the chains that may be entered from base chains at ``hooks``."""
    waiting = [name for name, chain in table.chains.items() if chain.hook in hooks]
    entered = set(waiting)
    while waiting:
        name = waiting.pop()
        for chain, rule in _with_blocks(name, table.chains[name].rules):
            yield chain, rule
            found = {chain for chain in rule.jump_to if chain in table.chains} - entered
            entered |= found
            waiting += found


def _with_blocks(chain: str, rules: Iterable[NftRule]) -> Iterator[tuple[str, NftRule]]:
    """The rules of a chain and those of its blocks (``jump { … }``), which count as standing where their rule stands."""
    for rule in rules:
        yield chain, rule
        for _, inner in _with_blocks(chain, rule.block):
            yield chain, replace(inner, number=rule.number)
