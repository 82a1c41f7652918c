"""Rules that decide by nothing of the packet's own."""

from __future__ import annotations

import re

from lab.ruleset.conditions import Condition, of_iptables, of_nft, without_texts
from lab.ruleset.nft.rule import without_block

_CHANCE = ("--mode random", "numgen random")
_OPERATOR = re.compile(r"(?:v?map|[!=]=|neq|eq) \Z")


def whim_of(text: str) -> str | None:
    """Why a rule of this text, of either dialect, may treat the next packet otherwise, with no reason in it; or None.

    >>> whim_of("-A INPUT -m statistic --mode random --probability 0.5 -j DROP")
    'a rule decides by chance, and another run may differ'
    """
    if is_chance(text):
        return "a rule decides by chance, and another run may differ"
    if "--mode nth" in text or "numgen inc" in text:
        return "a rule decides by counting packets, and the next one may fare otherwise"
    return None


def is_chance(text: str) -> bool:
    """Whether a rule of this text decides by chance.

    >>> is_chance("numgen random mod 2 vmap { 0 : drop, 1 : accept }"), is_chance("numgen inc mod 2 0 drop")
    (True, False)
    """
    return any(words in text for words in _CHANCE)


def before_chance(text: str) -> tuple[Condition, ...]:
    """What must hold of a packet before the kernel comes to the part of a rule that decides by chance.

    >>> before_chance("tcp dport 22 numgen random mod 2 0 accept")[0].values
    ('22',)
    """
    if text.startswith("-A "):
        return tuple(of_iptables(text.partition(_CHANCE[0])[0]))
    before, found, _ = without_block(without_texts(text)).partition(_CHANCE[1])
    return tuple(of_nft(_OPERATOR.sub("", before))) if found else ()
