"""A rule as a record, for the verdict."""

from __future__ import annotations

from lab.record.path import Rule
from lab.ruleset.held import Chains, HeldRule
from lab.ruleset.logs import log_of
from lab.ruleset.words import FREE_TEXT, words

_FAMILIES = {"ip": 4, "ip6": 6}


def described(node: str, rule: HeldRule) -> Rule:
    """The record of a rule of ``node``.

    What it rejects with is as nft writes it in a table of both families, since that depends on the packet.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> described("gateway", rule_in_line("v4", "-A FORWARD -p tcp --dport 25 -j REJECT")).rejects
    'icmp-port-unreachable'
    """
    family = _FAMILIES.get(rule.family)
    rejects = rule.reject_with if family is None else rule.reject_kind(family)
    return Rule(
        node, rule.table, rule.chain, rule.number, rule.text, rule.comment, rule.target, rule.source, rule.family,
        rejects, rule.log_prefix, rule.translates, rule.about_invalid, _further_comments(rule), rule.queue,
        log_of(rule), rule.copies and "fwd" not in rule.statements,
    )  # fmt: skip


def held_of(chains: Chains, rule: Rule) -> HeldRule | None:
    """The rule that a record is of; None for a policy, and where the node holds another one in that place by now.

    >>> held_of({}, Rule("gateway", "filter", "INPUT", 1, "-A INPUT -j DROP"))
    """
    chain = chains.get((rule.family, rule.table, rule.chain))
    if chain is None or rule.number is None or rule.number > len(chain.rules):
        return None
    held = chain.rules[rule.number - 1]
    return held if held.text == rule.text else None


def _further_comments(rule: HeldRule) -> tuple[str, ...]:
    """The comments behind the first: iptables takes several (Calico writes its hash into one, and words into another)."""
    if rule.is_native or rule.text.count("--comment ") < 2:
        return ()
    rest = iter(words(rule.text))
    texts = ((word, next(rest, "")) for word in rest if word in FREE_TEXT)
    return tuple(text for option, text in texts if option == "--comment")[1:]
