"""The addresses and prefixes that rulesets name: in rules, in sets, in what a script defines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.ruleset.conditions import without_texts
from lab.ruleset.held_text import rule_in_line
from lab.ruleset.words import FREE_TEXT, words

# an address or a prefix, as rules, sets and scripts write it; what only looks like one is for the reader to leave out
_ADDRESS = r"(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7})"
_MASK = r"(?:\d{1,3}(?:\.\d{1,3}){3}|\d{1,3})"  # old dumps write 10.0.0.0/255.0.0.0
_CONSTANT = re.compile(rf"(?<![\w.:]){_ADDRESS}(?:/{_MASK})?(?![\w.:])")
_OF_PEOPLE = ("comment", "prefix", "string")


def constants_in(kind: str, text: str) -> Iterator[str]:
    """Every word of a text of this kind (ipset, v4, v6, nft) that may be an address or a prefix.

    What a rule says to people, in its comment and its logs, is none of them.

    >>> list(constants_in("v4", "-A INPUT -s 10.0.9.0/24 -m comment --comment was-10.0.8.1 -j ACCEPT"))
    ['10.0.9.0/24']
    """
    for line in text.split("\n"):
        yield from _CONSTANT.findall(_without_texts(kind, line) if any(word in line for word in _OF_PEOPLE) else line)


def _without_texts(kind: str, line: str) -> str:
    rule = None if kind == "ipset" else rule_in_line(kind, line)
    if rule is None:
        return line
    if rule.is_native:
        return without_texts(rule.text)
    kept = []
    found = iter(words(rule.text))
    for word in found:
        if word in FREE_TEXT:
            next(found, None)
        else:
            kept.append(word)
    return " ".join(kept)
