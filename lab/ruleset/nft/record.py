"""A rule of native nft as a record."""

from __future__ import annotations

from lab.record.path import Rule
from lab.ruleset.nft.listing import NftChain, NftRule, NftTable
from lab.ruleset.nft.rule import reject_kind

_TRANSLATIONS = {
    "dnat": "destination", "redirect": "destination", "snat": "source", "masquerade": "source",
}  # fmt: skip


_FAMILIES = {"ip": 4, "ip6": 6}


def _rejects(family: str, rule: NftRule) -> str | None:
    """What it rejects with; in a table of both families as nft writes it, since that depends on the packet."""
    known = _FAMILIES.get(family)
    return rule.reject_with if known is None else reject_kind(rule, family=known)


def described(node: str, table: NftTable, chain: NftChain, rule: NftRule, source: str | None) -> Rule:
    """The record of a rule that ``nft list`` prints; ``source`` is its script's or template's file and line."""
    return Rule(
        node, table.name, chain.name, rule.number, rule.text, rule.comment, rule.target, source, table.family,
        _rejects(table.family, rule), rule.log_prefix, _TRANSLATIONS.get(rule.target or ""), rule.about_invalid,
    )  # fmt: skip
