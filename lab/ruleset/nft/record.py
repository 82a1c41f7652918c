"""A rule of native nft as a record."""

from __future__ import annotations

from lab.record.path import Rule
from lab.ruleset.nft.listing import NftChain, NftRule, NftTable

_TRANSLATIONS = {
    "dnat": "destination", "redirect": "destination", "snat": "source", "masquerade": "source",
}  # fmt: skip


def described(node: str, table: NftTable, chain: NftChain, rule: NftRule, source: str | None) -> Rule:
    """The record of a rule that ``nft list`` prints; ``source`` is its script's or template's file and line."""
    return Rule(
        node, table.name, chain.name, rule.number, rule.text, rule.comment, rule.target, source, table.family,
        rule.reject_with, rule.log_prefix, _TRANSLATIONS.get(rule.target or ""), rule.about_invalid,
    )  # fmt: skip
