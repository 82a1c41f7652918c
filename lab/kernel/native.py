"""The rules of native nft tables as records: what `nft list` prints, by the kernel's handles."""

from __future__ import annotations

from collections.abc import Container, Iterator

from lab.kernel.chains import ChainKey
from lab.kernel.rule_index import Lines, policy_of
from lab.kernel.trace_table import TABLE
from lab.record.path import Rule
from lab.ruleset.nft.listing import NftRuleset
from lab.ruleset.nft.record import described


def native_rules(
    node: str, listed: NftRuleset, sources: Lines, iptables: Container[ChainKey]
) -> Iterator[tuple[tuple[str, str, str, int], Rule]]:
    """Every rule and policy of ``listed`` but those of the chains that ``iptables`` made."""
    for table in listed.tables:
        for chain in table.chains.values():
            if table.name == TABLE or (table.family, table.name, chain.name) in iptables:
                continue
            key = table.family, table.name, chain.name
            if chain.hook is not None:
                yield (*key, 0), policy_of(node, *key, (chain.policy or "accept").upper())
            for rule in chain.rules:
                source = sources.get((f"{table.family} {table.name}", chain.name, rule.number))
                yield (*key, rule.handle), described(node, table, chain, rule, source)
