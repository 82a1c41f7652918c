"""Rules that decide by nothing of the packet's own."""

from __future__ import annotations


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
    return "--mode random" in text or "numgen random" in text
