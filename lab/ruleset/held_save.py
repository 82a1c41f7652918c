"""Rules of iptables as what they are: those that iptables-save printed, or a file has."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from lab.ruleset.held import ChainKey, HeldChain, HeldRule
from lab.ruleset.rule import SavedRule
from lab.ruleset.save import Chain, Ruleset
from lab.ruleset.words import values_of, words

Lines = Mapping[tuple[str, str, int], str | None]
"""Table, chain, number to the file and line that a rule was written in."""

# `connbytes` and `connmark` are not among them: their state is the flow's conntrack entry, and goes with it.
# Nor is `nfacct`: an account that the lab makes has no quota, and matches whatever it counted (net/netfilter/xt_nfacct.c).
_STATEFUL = frozenset(("limit", "hashlimit", "recent", "connlimit", "quota", "statistic", "rateest"))
_LOGGING = frozenset(("LOG", "NFLOG", "ULOG", "AUDIT", "TRACE"))
_REMEMBERS_BY_ITSELF = frozenset(("--set", "--update", "--remove"))
_PRIORITIES = {  # linux/netfilter_ipv4.h
    ("raw", ""): -300, ("mangle", ""): -150, ("nat", ""): -100, ("nat", "postrouting"): 100, ("nat", "input"): 100,
    ("filter", ""): 0, ("security", ""): 50,
}  # fmt: skip


def chains_of_save(family: str, ruleset: Ruleset, lines: Lines | None = None) -> dict[ChainKey, HeldChain]:
    r"""The chains of one family (``ip``, ``ip6``), in the order of the text.

    >>> from lab.ruleset.save import read_save
    >>> (chain,) = chains_of_save("ip", read_save("*filter\n:INPUT DROP [0:0]\nCOMMIT")).values()
    >>> chain.hook, chain.policy
    ('input', 'DROP')
    """
    written = _written_sets(ruleset)
    return {
        (family, table.name, chain.name): _chain(family, table.name, chain, written, lines or {})
        for table in ruleset.tables.values()
        for chain in table.chains.values()
    }


def _chain(family: str, table: str, chain: Chain, written: Collection[str], lines: Lines) -> HeldChain:
    rules = tuple(held_rule(family, rule, lines.get((table, chain.name, rule.number)), written) for rule in chain.rules)
    hook = None if chain.policy is None else chain.name.lower()
    priority = None if hook is None else _PRIORITIES.get((table, hook), _PRIORITIES.get((table, "")))
    return HeldChain(family, table, chain.name, rules, hook, None if hook is None else table, chain.policy, priority)


def held_rule(family: str, rule: SavedRule, source: str | None = None, written: Collection[str] = ()) -> HeldRule:
    r"""One rule; ``written`` are the sets that rules write.

    >>> from lab.ruleset.save import read_save
    >>> (rule,) = read_save("*filter\n-A INPUT -m limit --limit 5/min -j LOG\nCOMMIT").rules()
    >>> held = held_rule("ip", rule, "policies/edge.rules:2")
    >>> held.remembers, held.merely_logs, held.source
    (True, True, 'policies/edge.rules:2')
    """
    remembers = _remembers(rule, written, logs=True)
    return HeldRule(
        family, rule.table, rule.chain, rule.number, rule.text, rule.comment, rule.target,
        () if rule.jump_to is None else (rule.jump_to,), rule.goto, rule.log_prefix, rule.reject_with, rule.to,
        remembers, remembers and not _remembers(rule, written, logs=False), rule.matches, source,
    )  # fmt: skip


def _written_sets(ruleset: Ruleset) -> frozenset[str]:
    """The ipsets that rules of this ruleset write to."""
    return frozenset().union(*(
        values_of(rule.text, ("--add-set", "--del-set", "--map-set")) for rule in ruleset.rules() if rule.target == "SET"
    ))


def _remembers(rule: SavedRule, written: Collection[str], *, logs: bool) -> bool:
    if rule.target == "SET":
        return True
    if "set" in rule.matches and not frozenset(values_of(rule.text, ("--match-set",))).isdisjoint(written):
        return logs or rule.target not in _LOGGING
    if _STATEFUL.isdisjoint(rule.matches):
        return False
    if "recent" in rule.matches and not _REMEMBERS_BY_ITSELF.isdisjoint(words(rule.text)):
        return True  # it writes the list that other rules read, whatever its target
    if rule.target is None:
        return False
    return logs or rule.target not in _LOGGING
