"""What stands in a rule for a value that was taken out, or was to be put in: ``<private_ip>``, ``$DB``, ``x.x.x.x``."""

from __future__ import annotations

import re

from lab.ruleset.repairs import without_text

_SIGNS = (
    "<", "$", "{{", "{%", "xx", "XX", "x.", "X.", ".x", ".X", ".*", "YOUR", "MY_", "THE_", "REDACTED", "_IP", "_ADDR", "_NET",
    "_HOST", "_SERVER", "_PORT", "_SUBNET",
)  # fmt: skip
_MARKED = re.compile(r"<[^<>]{1,80}>|\$\{?\w|\{\{|\{%")
_TAKEN_OUT = re.compile(
    r"REDACTED|\b(?:YOUR|MY|THE)_\w+|\b[A-Z]+_(?:IP|ADDR|ADDRESS|NET|HOST|SERVER|PORT|SUBNET)\b"
    r"|(?<![\w.])(?:[xX]{1,3}|\d{1,3}|\*)(?:\.(?:[xX]{1,3}|\d{1,3}|\*)){0,2}\.(?:[xX]{1,3}|\*)(?![\w])"
    r"|(?<![\w.])[xX]{1,3}(?:\.(?:[xX]{1,3}|\d{1,3})){3}(?![\w.])"
)
# of these no name is a value that netfilter takes
_OF_ADDRESSES = frozenset((
    "-s", "-d", "--source", "--src", "--destination", "--dst", "--to-source", "--to-destination", "--src-range", "--dst-range",
    "--sport", "--dport", "--source-port", "--destination-port", "--sports", "--dports", "--to-ports",
))  # fmt: skip
# names that netfilter lets anybody choose: these may look like anything
_NAMED = frozenset((
    "-A", "-N", "-I", "-j", "-g", "--append", "--insert", "--new-chain", "--jump", "--goto", "--match-set", "--add-set",
    "--del-set", "--map-set", "-m", "--match", "--helper", "--timeout", "--zone",
))  # fmt: skip


def placeholder(value: str) -> str | None:
    """An address or a port, if it stands for another one; None if it may be meant as it is.

    >>> placeholder("<private_ip>"), placeholder("10.0.0.x/24"), placeholder("192.0.2.7")
    ('<private_ip>', '10.0.0.x/24', None)
    """
    beginning = value[:200]
    return value if _MARKED.search(beginning) or _TAKEN_OUT.search(beginning) else None


def may_have_placeholders(text: str) -> bool:
    """Whether a text has any sign of one: cheap, so that most texts are looked at no further."""
    return any(sign in text for sign in _SIGNS)


def first_placeholder(rule: str) -> str | None:
    """The first value of a rule of iptables' that stands for another one; texts and names may look as they like."""
    if not may_have_placeholders(rule):
        return None
    previous = ""
    for word in without_text(rule):
        value = word.value
        if value == "!":
            continue
        if previous in _OF_ADDRESSES and placeholder(value) is not None:
            return value
        if previous not in _NAMED and value[:1] != "-" and _MARKED.search(value[:200]):
            return value
        previous = value
    return None
