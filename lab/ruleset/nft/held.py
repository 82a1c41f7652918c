"""Rules of native nft as what they are: those that `nft list` printed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count

from lab.ruleset.held import ChainKey, HeldChain, HeldRule, block_name
from lab.ruleset.nft.listing import NftChain, NftRule, NftRuleset, NftTable

_NO_SETS: Mapping[str, str] = {}
# nft(8), of all families but bridge
_PRIORITIES = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}


def held_rule(
    table: NftTable, chain: str, rule: NftRule, source: str | None = None, block: str | None = None
) -> HeldRule:
    """One rule of a listing; ``block`` is what the chain of its ``jump { … }`` is called.

    >>> from lab.ruleset.nft.rule import Surroundings, read_rule
    >>> rule = read_rule(4, 1, "tcp dport 443 accept", Surroundings({}))
    >>> held_rule(NftTable("inet", "filter", {}), "input", rule, "policies/edge.nft:7").ports("dports")
    ((443, 443),)
    """
    jumps = rule.jump_to if block is None else (*rule.jump_to, block)
    merely_logs = rule.stateful and rule.target in (None, "log")
    return HeldRule(
        table.family, table.name, chain, rule.number, rule.text, rule.comment, rule.target, jumps, rule.goto, rule.log_prefix,
        rule.reject_with, None, rule.stateful, merely_logs, None, source,
        table.sets if "@" in rule.text else _NO_SETS, table.defined,
    )  # fmt: skip


def held_chain(family: str, table: str, chain: NftChain, rules: tuple[HeldRule, ...]) -> HeldChain:
    """One chain of a listing.

    >>> chain = NftChain("input", "filter", "input", "filter", None, (), ())
    >>> held_chain("inet", "filter", chain, ()).policy
    'accept'
    """
    policy = None if chain.hook is None else chain.policy or "accept"
    return HeldChain(family, table, chain.name, rules, chain.hook, chain.type, policy, _priority(chain.priority))


def _priority(written: str | None) -> int | None:
    """A priority in nft's words as its number: ``filter - 10``."""
    name, sign, more = (written or "").partition(" ")
    try:
        number = _PRIORITIES.get(name)
        return int(name) if number is None else number + int(f"{sign}{more}".replace(" ", "") or 0)
    except ValueError:
        return None


def chains_of_listing(listed: NftRuleset) -> dict[ChainKey, HeldChain]:
    """Every chain; those of ``jump { … }``, which the kernel names, are numbered here as they come: ``block 1``."""
    found = (chain for table in listed.tables for chain in _chains(table))
    return {chain.key: chain for chain in found}


def _chains(table: NftTable) -> Iterator[HeldChain]:
    numbers = count(1)
    waiting = list(table.chains.values())
    while waiting:
        chain = waiting.pop(0)
        rules = []
        for rule in chain.rules:
            block = block_name(next(numbers)) if rule.block else None
            rules.append(held_rule(table, chain.name, rule, None, block))
            if block is not None:
                waiting.append(NftChain(block, None, None, None, None, (), rule.block))
        yield held_chain(table.family, table.name, chain, tuple(rules))
