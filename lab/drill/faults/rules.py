"""Faults of a node's rules: one is missing, stands elsewhere, is too many, or all are another policy's."""

from __future__ import annotations

from typing import Any

from lab.drill.grounds import Grounds
from lab.errors import InputError, Problem
from lab.kernel.hold.amending import amend, in_table, move, take_out
from lab.kernel.hold.line_map import find_lines
from lab.ruleset.words import placed_words

_TABLE = ("-t", "--table")
_KINDS = {"4": ("v4",), "6": ("v6",), "both": ("v4", "v6")}


def remove_rule(grounds: Grounds, said: Any) -> None:
    """Take the rules with a comment out."""
    found = grounds.held(said.node)
    take_out(grounds.node(said.node), found, grounds.by_comment(found, said.comment, said.family))


def move_rule(grounds: Grounds, said: Any) -> None:
    """Have the rules with a comment stand at another place of their chains."""
    for family in sorted({rule.family for rule in grounds.by_comment(grounds.held(said.node), said.comment, said.family)}):
        found = grounds.held(said.node)
        (rule, *_) = [one for one in grounds.by_comment(found, said.comment, said.family) if one.family == family]
        move(grounds.node(said.node), found, rule, said.to)


def add_rule(grounds: Grounds, said: Any) -> None:
    """Put a rule in, as the command line of iptables has it (``-t nat -A POSTROUTING …``)."""
    table, line = split_table(said.rule)
    for kind in _KINDS[said.family]:
        amend(grounds.node(said.node), grounds.backend, kind, in_table(table, line), told=f"`{said.rule}`")


def load(grounds: Grounds, said: Any) -> None:
    """Load another policy in the place of what each node holds."""
    for node, policy in said.items():
        grounds.node(node)
        rulesets = grounds.policies[policy]
        lines = find_lines(grounds.site.topology, {node: rulesets}, grounds.backend)[node]
        grounds.site.load(node, rulesets, lines)


def split_table(rule: str) -> tuple[str, str]:
    """The table that a command line of iptables is about, and the line without it; InputError for several lines.

    >>> split_table("-t nat -I POSTROUTING 1 -j ACCEPT"), split_table("-A FORWARD -j DROP")
    (('nat', '-I POSTROUTING 1 -j ACCEPT'), ('filter', '-A FORWARD -j DROP'))
    """
    if "\n" in rule or "\0" in rule:
        raise InputError(Problem(f"{rule!r} is more than one rule"))
    words = placed_words(rule)
    for number, word in enumerate(words[:-1]):
        if word.value in _TABLE:
            behind = words[number + 1]
            return behind.value, (rule[: word.start] + rule[behind.end:].lstrip()).strip()
    return "filter", rule.strip()
