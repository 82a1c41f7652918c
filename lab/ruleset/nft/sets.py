"""The sets and maps of an nft script that nothing is ever put into."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lab.ruleset.nft.rule import written_sets
from lab.ruleset.nft.tokens import FAMILY, NAME, TOKEN

_FAMILY = rf"(?:{FAMILY}\s+)?"
_SET = re.compile(rf"\b(?:set|map)\s+{_FAMILY}(?:{NAME}\s+)?({NAME})\s*\{{((?:[^{{}}]|\{{[^{{}}]*\}})*)\}}")
_HELD = re.compile(r"\belements\s*=\s*(\{[^{}]*\})")
_ELEMENTS = re.compile(rf"\belement\s+{_FAMILY}{NAME}\s+({NAME})\s*\{{")


def empty_sets(text: str) -> frozenset[str]:
    """The names of the sets and maps that the script declares, and that neither it nor one of its rules fills.

    A name that two tables have counts as filled where one of them is.
    """
    bare = "".join('""' if token[0] == '"' else "" if token[0] == "#" else token for token in TOKEN.findall(text))
    bare = bare.replace("\\\n", " ")
    declared = _SET.findall(bare)
    filled = {name for name, body in declared if re.search(r"\belements\b", body)}
    filled.update(_ELEMENTS.findall(bare))
    filled.update(name for line in re.split(r"[\n;]", bare) for name in written_sets(line))
    return frozenset(name for name, _ in declared) - filled


def declared_elements(text: str) -> Mapping[str, str]:
    """The elements that the script's sets and maps are declared with, as they are written, by name; of the last such name.

    >>> declared_elements("table ip t { set lan { type ipv4_addr; elements = { 10.0.9.1, 10.0.9.2 } } }")
    {'lan': '{ 10.0.9.1, 10.0.9.2 }'}
    """
    bare = "".join("" if token[0] == "#" else token for token in TOKEN.findall(text))
    found = ((name, _HELD.search(body)) for name, body in _SET.findall(bare))
    return {name: " ".join(held[1].split()) for name, held in found if held is not None}
