"""What chains hold as text, and in which lines two readings of them differ: for people who look what somebody changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import NamedTuple

_POLICY = re.compile(r"\bpolicy (\w+);")
_OPENS = re.compile(r"(table|chain) (.*?) \{(?: #.*)?\Z")  # of a table with an owner nft says which program that is


class ChainText(NamedTuple):
    """A chain's policy, empty where it has none, and its rules.

    >>> ChainText("DROP", ("-i lo -j ACCEPT",)).policy
    'DROP'
    """

    policy: str
    rules: tuple[str, ...]


_EMPTY = ChainText("", ())
ChainTexts = Mapping[str, ChainText]
"""Chains by their names, as people write them: ``filter:FORWARD``, ``ip6 filter:FORWARD``, ``inet edge forward``."""


def of_save(text: str, family: str = "") -> dict[str, ChainText]:
    r"""The chains of what iptables-save printed; ``family`` stands before their names.

    >>> of_save("*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n")
    {'filter:INPUT': ChainText(policy='DROP', rules=('-i lo -j ACCEPT',))}
    """
    table, policies, rules = "", dict[str, str](), dict[str, list[str]]()
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith(":"):
            chain, policy, *_ = [*line[1:].split(), "-"]
            name = f"{family} {table}:{chain}".strip()
            policies[name], rules[name] = "" if policy == "-" else policy, []
        elif line.startswith("-A "):
            _, chain, *rest = line.split(" ", 2)
            rules.setdefault(f"{family} {table}:{chain}".strip(), []).append(rest[0] if rest else "")
    return {name: ChainText(policies.get(name, ""), tuple(held)) for name, held in rules.items()}


def of_listing(text: str, hidden: frozenset[str] = frozenset()) -> dict[str, ChainText]:
    r"""The chains of what ``nft -s list ruleset`` printed, but those of ``hidden`` tables (``ip filter``).

    >>> of_listing("table inet edge {\n chain own {\n tcp dport 22 accept\n }\n}\n")
    {'inet edge own': ChainText(policy='', rules=('tcp dport 22 accept',))}
    """
    found: dict[str, ChainText] = {}
    table, chain, policy, rules = "", "", "", list[str]()
    for line in (line.strip() for line in text.splitlines()):
        if opened := _OPENS.match(line):
            if opened[1] == "table":
                table, chain = opened[2], ""
            else:
                chain, policy, rules = f"{table} {opened[2]}", "", []
        elif line == "}":
            if chain and table not in hidden:
                found[chain] = ChainText(policy, tuple(rules))
            chain = ""
        elif chain and line.startswith("type ") and " hook " in line:
            policy = said[1].upper() if (said := _POLICY.search(line)) else ""
        elif chain and line:
            rules.append(line)
    return found


def differences(before: ChainTexts, after: ChainTexts) -> Iterator[str]:
    """What is otherwise afterwards, one line each: ``+ filter:FORWARD:3 -p tcp --dport 443 -j ACCEPT``.

    A base chain that is not there lets pass, as does one that has just been made and holds nothing.  The number of a rule
    that came is its place afterwards, that of one that went its place before.

    >>> list(differences({"filter:INPUT": ChainText("ACCEPT", ())}, {"filter:INPUT": ChainText("DROP", ("-i lo -j ACCEPT",))}))
    ['~ filter:INPUT policy ACCEPT -> DROP', '+ filter:INPUT:1 -i lo -j ACCEPT']
    """
    for name in dict.fromkeys((*before, *after)):
        was = before.get(name, ChainText("ACCEPT" if after.get(name, _EMPTY).policy else "", ()))
        now = after.get(name, ChainText("ACCEPT" if was.policy else "", ()))
        if name not in before and not now.rules and not now.policy:
            yield f"+ {name} (a chain without rules)"
        if name not in after and not was.rules and not was.policy:
            yield f"- {name} (a chain without rules)"
        if was.policy.upper() != now.policy.upper():
            yield f"~ {name} policy {was.policy} -> {now.policy}"
        yield from _rules(name, was.rules, now.rules)


def _rules(name: str, was: tuple[str, ...], now: tuple[str, ...]) -> Iterator[str]:
    for what, from_old, to_old, from_new, to_new in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        yield from (f"- {name}:{number + 1} {was[number]}" for number in range(from_old, to_old))
        yield from (f"+ {name}:{number + 1} {now[number]}" for number in range(from_new, to_new))
