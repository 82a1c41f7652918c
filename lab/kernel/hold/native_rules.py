"""The rules of native nft tables: what `nft list` prints, by the kernel's handles."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import NamedTuple

from lab.kernel.hold.nf_tables import blocks, handles, ranks
from lab.kernel.hold.rule_index import Key, Record
from lab.kernel.stage.node import Node
from lab.record.path import Rule
from lab.ruleset.describe import described
from lab.ruleset.held import ChainKey, HeldChain, HeldRule, block_name
from lab.ruleset.held_save import Lines
from lab.ruleset.nft.held import held_chain, held_rule
from lab.ruleset.nft.listing import NftChain, NftRule, NftRuleset, NftTable


class NativeRules(NamedTuple):
    """Records by the kernel's handles (0: a policy), and the chains."""

    records: dict[Key, Record]
    chains: dict[ChainKey, HeldChain]


def native_rules(node: Node, listed: NftRuleset, sources: Lines, iptables: Collection[ChainKey]) -> NativeRules:
    """Every rule and policy of ``listed`` but those of the chains that ``iptables`` made."""
    reader = _Native(node, sources, has_blocks=any(rule.block for _, _, rule in listed.rules()))
    for table in listed.tables:
        for chain in table.chains.values():
            key = table.family, table.name, chain.name
            if key in iptables:
                continue
            if chain.hook is not None:
                policy = chain.policy or "accept"
                said = Rule(node.name, *key[1:], None, f"policy {policy}", target=policy, family=table.family)
                reader.found.records[*key, 0] = said
            reader.read(table, chain, [rule.handle for rule in chain.rules])
    return reader.found


class _Native:
    """Reads chains and, where a rule has rules of its own (``jump { … }``), those too."""

    def __init__(self, node: Node, sources: Lines, *, has_blocks: bool) -> None:
        self.found = NativeRules({}, {})
        self._node, self._sources = node.name, sources
        self._blocks = blocks(node.namespace) if has_blocks else {}
        made = [(*key[:2], name) for (key, _), name in self._blocks.items()]
        self._held, self._ranks = handles(node.namespace, made), ranks(made)

    def read(self, table: NftTable, chain: NftChain, handles: Sequence[int], made: str | None = None) -> None:
        """A chain whose rules the kernel knows by ``handles``; what it calls the chain itself is ``made`` where it made it."""
        key = table.family, table.name, made or chain.name
        shown = table.family, table.name, chain.name
        self.found.chains[shown] = held_chain(*shown[:2], chain, ())  # before those of its blocks
        rules: list[HeldRule] = []
        for rule, handle in zip(chain.rules, handles, strict=True):
            inner = self._blocks.get((key, handle))
            block = None if inner is None else block_name(self._ranks[*key[:2], inner])
            held = self._rule(table, chain, rule, block)
            rules.append(held)
            # the name of a made chain is read of its records
            record: Record = partial(described, self._node, held) if made is None else described(self._node, held)
            self.found.records[*key, handle] = record
            if inner is not None and block is not None:
                within = NftChain(block, None, None, None, None, (), rule.block)
                self.read(table, within, self._held[*key[:2], inner], inner)
        self.found.chains[shown] = held_chain(*shown[:2], chain, tuple(rules))

    def _rule(self, table: NftTable, chain: NftChain, rule: NftRule, block: str | None) -> HeldRule:
        source = self._sources.get((f"{table.family} {table.name}", chain.name, rule.number))
        return held_rule(table, chain.name, rule, source, block)
