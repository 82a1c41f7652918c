"""What stands in a rule for a value that was taken out, or was to be put in: ``<private_ip>``, ``$DB``, ``x.x.x.x``."""

from __future__ import annotations

import re

from lab.ruleset.repairs import without_text

_MAYBE = re.compile(r"[<$]|\{\{|\{%|[xX][xX]|[xX]\.|\.[xX]|\.\*|YOUR|REDACTED|_IP\b")
_PLACEHOLDER = re.compile(
    r"<[^<>]{1,80}>|\$\{?\w|\{\{|\{%|REDACTED"
    r"|(?<![\w.])(?:[xX]{1,3}|\d{1,3}|\*)(?:\.(?:[xX]{1,3}|\d{1,3}|\*)){0,2}\.(?:[xX]{1,3}|\*)(?![\w])"
    r"|(?<![\w.])[xX]{1,3}(?:\.(?:[xX]{1,3}|\d{1,3})){3}(?![\w.])"
    r"|\b(?:YOUR|MY|THE)_\w+|\b[A-Z]+_(?:IP|ADDR|ADDRESS|NET|HOST|SERVER|PORT|SUBNET)\b"
)
# names that netfilter lets anybody choose: these may look like anything
_NAMED = frozenset((
    "-A", "-N", "-I", "-j", "-g", "--append", "--insert", "--new-chain", "--jump", "--goto", "--match-set", "--add-set",
    "--del-set", "--map-set", "-m", "--match", "--helper", "--timeout", "--zone",
))  # fmt: skip


def placeholder(value: str) -> str | None:
    """The value, if it stands for another one; None if it may be meant as it is.

    >>> placeholder("<private_ip>"), placeholder("10.0.0.x/24"), placeholder("192.0.2.7")
    ('<private_ip>', '10.0.0.x/24', None)
    """
    return value if _PLACEHOLDER.search(value[:200]) is not None else None


def first_placeholder(rule: str) -> str | None:
    """The first value of a rule of iptables' that stands for another one; texts and names may look as they like."""
    if _MAYBE.search(rule) is None:
        return None
    previous = ""
    for word in without_text(rule):
        if previous not in _NAMED and word.value[:1] != "-" and placeholder(word.value) is not None:
            return word.value
        previous = word.value
    return None
