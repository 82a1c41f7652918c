"""What rules do with marks, as far as their text says: set one, ask for one, keep it for the flow, give it back to packets.

The words are those of iptables-extensions(8) (MARK, CONNMARK, TPROXY, mark, connmark) and of nft(8)
(``meta mark``, ``ct mark``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from lab.ruleset.conditions import without_texts
from lab.ruleset.held import HeldRule
from lab.ruleset.words import words

ALL = 0xFFFFFFFF


class Deed(StrEnum):
    """What a rule does with a mark."""

    SETS = "sets"
    ASKS = "asks"
    KEEPS = "keeps"  # the packet's for its flow
    GIVES = "gives"  # the flow's to its packet


class MarkUse(NamedTuple):
    """One use; ``of_flow`` tells the connection's mark from the packet's, ``value`` is None where it is not read."""

    deed: Deed
    of_flow: bool = False
    value: int | None = None
    mask: int = ALL
    negated: bool = False


def mark_uses(rule: HeldRule) -> tuple[MarkUse, ...]:
    """Every use of a mark by ``rule``.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> mark_uses(rule_in_line("v4", "-A PREROUTING -i wan2 -j CONNMARK --set-xmark 0x2/0xff"))
    (MarkUse(deed=<Deed.SETS: 'sets'>, of_flow=True, value=2, mask=255, negated=False),)
    >>> [use.deed.value for use in mark_uses(rule_in_line("nft", "ct mark 0x1 meta mark set ct mark"))]
    ['gives', 'asks']
    """
    if "mark" not in rule.text.lower():  # most rules need no reading
        return ()
    return tuple(_of_nft(rule) if rule.is_native else _of_iptables(rule))


def _number(word: str) -> int | None:
    try:
        return int(word, 0)
    except ValueError:
        return None


def _value_and_mask(word: str) -> tuple[int | None, int]:
    value, slash, mask = word.partition("/")
    return _number(value), (_number(mask) if slash else None) or (0 if slash else ALL)


_SETS = ("--set-xmark", "--set-mark", "--tproxy-mark", "--or-mark", "--and-mark", "--xor-mark")
_RECKONS = frozenset(("HMARK", "IPMARK"))


def _of_iptables(rule: HeldRule) -> Iterator[MarkUse]:
    said = words(rule.text)
    match = ""
    masks = dict(pairwise(said))
    for place, word in enumerate(said):
        following = said[place + 1] if place + 1 < len(said) else ""
        if word in ("-m", "--match"):
            match = following
        elif word in ("-j", "--jump"):
            match = ""
            if following in _RECKONS:
                yield MarkUse(Deed.SETS)
        elif word == "--mark" and match in ("mark", "connmark"):
            value, mask = _value_and_mask(following)
            yield MarkUse(Deed.ASKS, match == "connmark", value, mask, negated=place > 0 and said[place - 1] == "!")
        elif word in _SETS and rule.target in ("MARK", "CONNMARK", "TPROXY"):
            yield MarkUse(Deed.SETS, rule.target == "CONNMARK", *_set_by(word, following))
        elif word == "--save-mark" and rule.target == "CONNMARK":
            yield MarkUse(Deed.KEEPS, mask=_number(masks.get("--ctmask", "")) or ALL)
        elif word == "--restore-mark" and rule.target == "CONNMARK":
            yield MarkUse(Deed.GIVES, mask=_number(masks.get("--nfmask", "")) or ALL)
        elif word == "--map-mark":
            yield MarkUse(Deed.SETS)


def _set_by(option: str, word: str) -> tuple[int | None, int]:
    value, mask = _value_and_mask(word)
    if option == "--or-mark":
        return value, value or 0
    if option == "--and-mark":
        return (None, ALL) if value is None else (0, ~value & ALL)
    # what is not zeroed first is turned over, and nobody knows from what
    turned = option == "--xor-mark" or (value is not None and value & ~mask)
    return (None, mask) if turned else (value, mask)


_BARE = re.compile(r"(?<!ct )(?<!meta )\bmark\b")  # as older versions of nft print the packet's
_AS_NUMBER = r"0x[0-9a-fA-F]+|\d+"
_OR = rf"(?: (?:\||or|\^|xor) (?P<plus>{_AS_NUMBER}))?"
_AND = rf"(?: (?:&|and) (?P<and>{_AS_NUMBER}))?"
_NFT_SETS = re.compile(
    rf"\b(?P<of>ct|meta) mark set (?:(?P<from>ct|meta) mark{_AND}{_OR}|(?P<value>{_AS_NUMBER})(?! ?\.)"
    r"|[^;]*?\bmap (?P<map>\{[^}]*\}|@\S+)|(?P<rest>\S+))"
)
_NFT_ASKS = re.compile(
    rf"\b(?P<of>ct|meta) mark{_AND} ?(?P<not>!=|==|vmap)? ?(?P<what>\{{[^}}]*\}}|@\S+|(?:{_AS_NUMBER})(?:-(?:{_AS_NUMBER}))?)"
)
_MAPPED = re.compile(rf":\s*({_AS_NUMBER})\b")
_LISTED = re.compile(rf"(?:[{{,]\s*|^)({_AS_NUMBER})\b")


def _of_nft(rule: HeldRule) -> Iterator[MarkUse]:
    text = _BARE.sub("meta mark", without_texts(rule.text))
    for found in _NFT_SETS.finditer(text):
        yield from _nft_set(found, rule)
    for found in _NFT_ASKS.finditer(_NFT_SETS.sub("", text)):
        mask = _number(found["and"] or "") or ALL
        of_flow = found["of"] == "ct"
        what = rule.named.get(found["what"][1:], "") if found["what"][:1] == "@" else found["what"]
        numbers = [_number(one) for one in _LISTED.findall(what)] if "-" not in what else []
        for value in numbers or [None]:
            yield MarkUse(Deed.ASKS, of_flow, value, mask, negated=found["not"] == "!=")


def _nft_set(found: re.Match[str], rule: HeldRule) -> Iterator[MarkUse]:
    of_flow = found["of"] == "ct"
    if found["from"] is None:
        mapped = found["map"] or ""
        text = rule.named.get(mapped[1:], "") if mapped[:1] == "@" else mapped
        numbers = [_number(found["value"])] if found["value"] else [_number(one) for one in _MAPPED.findall(text)]
        yield from (MarkUse(Deed.SETS, of_flow, value) for value in numbers or [None])
        return
    left = _number(found["and"] or "")
    if found["from"] != found["of"]:
        yield MarkUse(Deed.KEEPS if of_flow else Deed.GIVES, mask=ALL if left is None else left)
    plus = _number(found["plus"] or "")
    if plus is not None:
        yield MarkUse(Deed.SETS, of_flow, plus, plus if left is None else ~left & ALL | plus)
    elif found["from"] == found["of"] and left is not None:
        yield MarkUse(Deed.SETS, of_flow, 0, ~left & ALL)
