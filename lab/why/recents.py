"""A list of ``recent`` that a rule asks for: who writes into it, and what it counts (xt_recent.c)."""

from __future__ import annotations

from collections.abc import Iterable

from lab.ruleset.held import HeldRule
from lab.ruleset.words import words

_DEFAULT = "DEFAULT"  # the list of a rule that names none


def unmet(rule: HeldRule, rules: Iterable[HeldRule]) -> str:
    """What may have kept a packet from a rule that asks such a list; empty of a rule that asks none."""
    said = words(rule.text)
    if "recent" not in said or not {"--update", "--rcheck"} & set(said):
        return ""
    name = _list_of(said)
    if not any("--set" in other and "recent" in other and _list_of(other) == name for other in map(_words, rules)):
        return f"no rule puts a source into the list {name} that it asks (`-m recent --name {name} --set`)"
    if "--hitcount" not in said:
        return f"the source is not in the list {name} by then"
    count = said[said.index("--hitcount") + 1]
    return f"it wants {count} of this source in the list {name} by then; what a rule behind it puts there is none of them yet"


def _words(rule: HeldRule) -> list[str]:
    return words(rule.text)


def _list_of(said: list[str]) -> str:
    return said[said.index("--name") + 1] if "--name" in said[:-1] else _DEFAULT
