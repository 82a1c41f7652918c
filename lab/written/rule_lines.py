"""Routing rules in the words of ``ip rule``: as one writes them, and word for word as it prints them.

The forms are those of iproute2's ip/iprule.c (print_rule).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lab.written.line_words import FAMILIES, Line, Words, lines_of
from lab.written.routing import RoutingRule, RuleAction
from lab.written.words import Network

_FORM = (
    "[PREF:] [not] [from P] [to P] [iif I] [oif I] [fwmark N[/MASK]] [uidrange N-M] [ipproto P] [sport N] [dport N]"
    " lookup N [suppress_prefixlength N] [pref N], as `ip rule` prints it"
)
_ALIASES = {
    "table": "lookup", "priority": "pref", "preference": "pref", "order": "pref", "dsfield": "tos", "realms": "realm",
    "protocol": "proto", "sup_pl": "suppress_prefixlength",
}  # fmt: skip
_ACTIONS: tuple[RuleAction, ...] = ("nop", "blackhole", "unreachable", "prohibit")
_PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58, "icmpv6": 58, "sctp": 132}
_DETACHED = ("[detached]", "[unresolved]")
_LONGEST_NAME = 15  # IFNAMSIZ and its final zero
_PREF = re.compile(r"(\d+):$")


def parse_rules(value: object) -> tuple[RoutingRule, ...]:
    """The rules of one item, which may be what ``ip rule`` printed, line by line; ValueError with the first that is wrong."""
    if isinstance(value, Mapping) and len(value) == 1:
        ((pref, rest),) = value.items()
        raise ValueError(f'a mapping stands where one rule belongs\nquote the line: "{pref}: {rest}"')
    return (value,) if isinstance(value, RoutingRule) else tuple(_rule(line) for line in lines_of(value, "rule"))


def _rule(line: Line) -> RoutingRule:
    words = Words(line.text, line.text.split(), _FORM)
    given: dict[str, Any] = {"said_family": line.family}
    if words.next in ("-4", "-6"):
        given["said_family"] = FAMILIES[words.take()]
    if pref := _PREF.match(words.next):
        words.take()
        words.once("pref", pref[0])
        given["priority"] = words.number("pref", pref[1])
    last = ""
    while words:
        word = words.take()
        last = _word(words, _ALIASES.get(word, word), word, given, last)
    if "table" not in given and "action" not in given:
        raise ValueError(f"{line.text!r} looks up no table; a rule is written {_FORM}")
    rule = RoutingRule(line.text, given.pop("table", 0), **given)
    _check(words, rule)
    return rule


def _word(words: Words, meaning: str, word: str, given: dict[str, Any], last: str) -> str:
    """Read one word and what belongs to it; gives the interface that was named last."""
    if word == "not":
        given["inverted"] = True
    elif word in _DETACHED:
        if last and last not in given.get("detached", ()):
            given["detached"] = (*given.get("detached", ()), last)
    elif meaning in _ACTIONS:
        words.once("lookup", word)
        given["action"] = meaning
    elif meaning in _FIELDS:
        words.once(meaning, word)
        following = words.after(word)
        _field(words, meaning, following, given)
        return following if meaning in ("iif", "oif") else ""
    else:
        raise words.unknown(word)
    return last


_FIELDS = (
    "from", "to", "iif", "oif", "fwmark", "lookup", "goto", "pref", "tos", "uidrange", "ipproto", "sport", "dport",
    "suppress_prefixlength", "realm", "proto",
)  # fmt: skip


def _field(words: Words, meaning: str, following: str, given: dict[str, Any]) -> None:  # noqa: C901 - one turn for each word
    match meaning:
        case "from":
            given["source"] = _prefix(words, following)
        case "to":
            given["destination"] = _prefix(words, following)
        case "iif" | "oif":
            if len(following) > _LONGEST_NAME:
                raise words.wrong(f"{following[:_LONGEST_NAME]}… is longer than the name of an interface can be")
            given[meaning] = following
        case "fwmark":
            mark, slash, mask = following.partition("/")
            given["fwmark"] = words.number("fwmark", mark)
            given["mask"] = words.number("the mark's mask", mask) if slash else None
        case "lookup":
            given["table"] = words.table(following)
        case "goto":
            words.once("lookup", "goto")
            given |= {"action": "goto", "goto": words.number("goto", following)}
        case "pref":
            given["priority"] = words.number("pref", following)
        case "tos":
            given["tos"] = words.number("tos", following, 255)
        case "uidrange":
            given["uids"] = words.span("uidrange", following, 0xFFFFFFFE)
        case "ipproto":
            number = _PROTOCOLS.get(following)
            given["protocol"] = words.number("ipproto", following, 255) if number is None else number
        case "sport" | "dport":
            given[f"{meaning}s"] = words.span(meaning, following, 0xFFFF)
        case "suppress_prefixlength":
            given["suppress"] = words.number("suppress_prefixlength", following, 128)
        case "realm":
            given["realm"] = words.realm(following)


def _prefix(words: Words, word: str) -> Network | None:
    return None if word in ("all", "any", "default") else words.prefix(word)


def _check(words: Words, rule: RoutingRule) -> None:
    versions = {prefix.version for prefix in (rule.source, rule.destination) if prefix is not None}
    if len(versions) > 1:
        raise words.wrong("mixes IPv4 and IPv6")
    if rule.said_family is not None and versions - {rule.said_family}:
        raise words.wrong(f"has an address that is not of IPv{rule.said_family}, which is said of this line")
    if rule.action == "goto" and rule.goto is not None and rule.goto <= (rule.priority or 0):
        raise words.wrong(f"goto {rule.goto} leads back: it must be higher than the rule's own pref")
