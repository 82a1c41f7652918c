"""The rules of native nft tables as records: what `nft list` prints, by the kernel's handles."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from lab.kernel.hold.nf_tables import ChainKey, block_name, blocks, handles, ranks
from lab.kernel.hold.rule_index import Lines
from lab.kernel.stage.node import Node
from lab.record.path import Rule
from lab.ruleset.nft.listing import NftChain, NftRule, NftRuleset, NftTable
from lab.ruleset.nft.record import described

Found = Iterator[tuple[tuple[str, str, str, int], Rule]]


def native_rules(
    node: Node, listed: NftRuleset, sources: Lines, iptables: Collection[ChainKey]
) -> Found:
    """Every rule and policy of ``listed`` but those of the chains that ``iptables`` made."""
    reader = _Native(node, sources, has_blocks=any(rule.block for _, _, rule in listed.rules()))
    for table in listed.tables:
        for chain in table.chains.values():
            key = table.family, table.name, chain.name
            if key in iptables:
                continue
            if chain.hook is not None:
                policy = chain.policy or "accept"
                yield (*key, 0), Rule(node.name, *key[1:], None, f"policy {policy}", target=policy, family=table.family)
            yield from reader.rules(table, chain, chain.rules, [rule.handle for rule in chain.rules])


class _Native:
    """Walks rules and, where one has rules of its own (``jump { … }``), those too."""

    def __init__(self, node: Node, sources: Lines, *, has_blocks: bool) -> None:
        self._node, self._sources = node.name, sources
        self._blocks = blocks(node.namespace) if has_blocks else {}
        made = [(*key[:2], name) for (key, _), name in self._blocks.items()]
        self._held, self._ranks = handles(node.namespace, made), ranks(made)

    def rules(
        self, table: NftTable, chain: NftChain, rules: Sequence[NftRule], handles: Sequence[int], name: str | None = None
    ) -> Found:
        """The records of ``rules``, which the kernel knows by ``handles``, in a chain that it calls ``name``."""
        key = table.family, table.name, name or chain.name
        for rule, handle in zip(rules, handles, strict=True):
            source = self._sources.get((f"{table.family} {table.name}", chain.name, rule.number))
            yield (*key, handle), described(self._node, table, chain, rule, source)
            made = self._blocks.get((key, handle))
            if made is not None:
                at = *key[:2], made
                inner = NftChain(block_name(self._ranks[at]), None, None, None, None, (), rule.block)
                yield from self.rules(table, inner, rule.block, self._held[at], made)
