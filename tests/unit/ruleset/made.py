"""Rules and chains of texts, as the lab reads them."""

from __future__ import annotations

from lab.ruleset.held import Chains, HeldRule
from lab.ruleset.held_save import chains_of_save
from lab.ruleset.nft.held import chains_of_listing
from lab.ruleset.nft.listing import read_listing
from lab.ruleset.save import read_save


def saved(text: str, family: str = "ip") -> Chains:
    """The chains of what iptables-save prints."""
    return chains_of_save(family, read_save(text))


def listed(*rules: str, family: str = "inet") -> Chains:
    """The chains of a listing with one chain of these rules at the hook of forwarding."""
    body = "".join(f"\t\t{rule} # handle {number}\n" for number, rule in enumerate(rules, 3))
    head = "\t\ttype filter hook forward priority filter; policy accept;\n"
    text = f"table {family} t {{ # handle 1\n\tchain c {{ # handle 1\n{head}{body}\t}}\n}}\n"
    return chains_of_listing(read_listing(text))


def rule_of(text: str) -> HeldRule:
    """The rule of this text, of either dialect: one of iptables begins with a dash."""
    chains = saved(f"*filter\n{text}\nCOMMIT\n") if text.startswith("-") else listed(text)
    (rule,) = (rule for chain in chains.values() for rule in chain.rules)
    return rule
