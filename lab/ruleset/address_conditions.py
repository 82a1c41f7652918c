"""What a rule asks of a packet's addresses, in either dialect: read from its text and from the sets that hold still."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from lab.ruleset import ipset
from lab.ruleset.addresses import Addresses, holds, read_addresses
from lab.ruleset.conditions import DESTINATIONS, SOURCES, without_texts
from lab.ruleset.held import HeldRule
from lab.ruleset.nft.rule import without_block
from lab.ruleset.nft.tokens import NAME
from lab.ruleset.words import FREE_TEXT, words

Entries = Mapping[str, tuple[str, Mapping[str, str]]]
"""The ipsets of a node, as `lab.ruleset.ipset.entries` reads them."""

_LOGGING = frozenset(("LOG", "NFLOG", "ULOG", "AUDIT", "TRACE", "log"))
_OPTIONS = {
    "-s": SOURCES, "--source": SOURCES, "--src": SOURCES, "--src-range": SOURCES,
    "-d": DESTINATIONS, "--destination": DESTINATIONS, "--dst": DESTINATIONS, "--dst-range": DESTINATIONS,
}  # fmt: skip
# of a flow as conntrack keeps it: the same addresses before or after NAT
_OF_THE_FLOW = {
    "--ctorigsrc": SOURCES, "--ctrepldst": SOURCES, "--ctorigdst": DESTINATIONS, "--ctreplsrc": DESTINATIONS,
}  # fmt: skip
_ENDS = {"src": SOURCES, "dst": DESTINATIONS}
_ONE_ADDRESS = frozenset(("hash:ip", "hash:net", "bitmap:ip", "hash:mac", "bitmap:ip,mac"))
_KEY = r"[a-z][\w-]*(?: [\w-]+){0,2}"
_NFT = re.compile(
    rf"(?<![\w/.@-])(?P<keys>(?:{_KEY} \. )*(?:ip6? [sd]addr)(?: \. {_KEY}?(?= (?:\.|[!=@{{]|v?map)))*)"
    r" (?P<sign>!= |== )?(?P<map>v?map )?(?P<value>\{[^{}]*\}|@\S+|(?![.&|^<>])[^\s;{}]+)"
)
_HAS_ADDRESS = re.compile(r"(?<![\w/.@-])ip6? ([sd])addr\b")
_SET = re.compile(rf"@({NAME})")
_SETS = re.compile(r"(?<![\w/.@-])(?:ip6?|meta|ct|tcp|udp|th|ether|ip option) (?:\w+ )*set |(?<![\w/.@-])flow add @")


class AddressCondition(NamedTuple):
    """What a rule asks of one of a packet's addresses, ``field`` being which (``sources``, ``destinations``).

    The packet's is in one of ``groups``, or in none if ``negated``; the rule may do another thing to each group, as a map
    does.  Unless it is ``exact``, what else it asks may keep an address of the groups from matching.

    >>> AddressCondition("sources", (((1, 3),),), negated=True).may_be(2)
    False
    """

    field: str
    groups: tuple[Addresses, ...]
    negated: bool = False
    exact: bool = True

    def may_be(self, number: int) -> bool:
        """Whether a packet with this address may match."""
        inside = any(holds(group, number) for group in self.groups)
        return not (inside and self.exact) if self.negated else inside


class AddressReading(NamedTuple):
    """The conditions of a rule, and the names of the sets that it asks and that nobody can read for sure.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> rule = rule_in_line("v4", "-A INPUT -m set --match-set banned src -j DROP")
    >>> read_conditions(rule, 4, {})
    AddressReading(conditions=(), unread=('banned',))
    """

    conditions: tuple[AddressCondition, ...]
    unread: tuple[str, ...] = ()


def only_counts(rule: HeldRule) -> bool:
    """Whether the rule does nothing to any packet: it has no target, or writes a log.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> only_counts(rule_in_line("v4", "-A FORWARD -s 10.0.9.7")), only_counts(rule_in_line("v4", "-A FORWARD -j MARK"))
    (True, False)
    """
    if rule.jump_to or (rule.remembers and not rule.merely_logs):
        return False
    if rule.is_native:
        return rule.target in (None, "log") and not rule.statements and _SETS.search(without_texts(rule.text)) is None
    return rule.target is None or rule.target in _LOGGING


def read_conditions(rule: HeldRule, family: int, sets: Entries) -> AddressReading:
    """What the rule asks of the addresses of a family; what is not read is left out, and may be anything.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> read_conditions(rule_in_line("v4", "-A INPUT -s 10.0.9.7 -j DROP"), 4, {}).conditions[0].groups
    (((167774471, 167774471),),)
    """
    return _of_nft(rule, family) if rule.is_native else _of_iptables(rule, family, sets)


def _of_iptables(rule: HeldRule, family: int, sets: Entries) -> AddressReading:
    found: list[AddressCondition] = []
    unread: list[str] = []
    negated = False
    rest = iter(words(rule.text))
    for word in rest:
        option, glued, value = word.partition("=")
        if word in FREE_TEXT:
            next(rest, None)
        elif word == "--match-set":
            name, flags = next(rest, ""), next(rest, "")
            # what rules write into a set, they write while packets are asked about
            read = None if rule.remembers else _of_ipset(name, flags, sets, family, negated=negated)
            found += read or ()
            unread += [name] if read is None else []
        elif (field := _OPTIONS.get(option) or _OF_THE_FLOW.get(option)) is not None:
            written = (value if glued else next(rest, "")).split(",")
            try:
                exact = option in _OPTIONS
                found.append(AddressCondition(field, (read_addresses(written, family),), negated, exact))
            except ValueError:
                unread.append(",".join(written))
        negated = word == "!"
    return AddressReading(tuple(found), tuple(unread))


def _of_ipset(name: str, flags: str, sets: Entries, family: int, *, negated: bool) -> list[AddressCondition] | None:
    """The conditions of ``--match-set``, one for each address that it compares; None where the set is not known."""
    kind, entries = sets.get(name, ("", {}))
    if kind == "list:set":
        members = [sets[member][0] for member in entries if member in sets]
        if len(members) != len(entries) or not frozenset(members) <= _ONE_ADDRESS:
            return None
        entries = {entry: more for member in entries for entry, more in sets[member][1].items()}
        kind = "hash:net"
    if not kind:
        return None
    alone = kind in _ONE_ADDRESS and not any("nomatch" in more for more in entries.values())
    found = []
    for place, flag in enumerate(flags.split(",")):
        field = _ENDS.get(flag)
        groups: dict[str, list[str]] = {}
        for entry in entries:
            parts = entry.split(",")
            if place < len(parts):
                groups.setdefault(",".join((*parts[:place], "", *parts[place + 1:])), []).append(parts[place])
        try:
            read = tuple(read_addresses(each, family) for each in groups.values())
        except ValueError:
            continue  # this part of an entry is a port, an interface, a mark
        if field is not None:
            found.append(AddressCondition(field, read, negated, alone))
    return found


def _of_nft(rule: HeldRule, family: int) -> AddressReading:
    found: list[AddressCondition] = []
    unread: list[str] = []
    bare = without_block(without_texts(rule.text))
    for match in _NFT.finditer(bare):
        keys = match["keys"].split(" . ")
        own = "ip" if family == 4 else "ip6"
        value = match["value"]
        if value[:1] == "@":
            value = rule.named.get(value[1:], "")
            if not value:
                unread.append(match["value"])
                continue
        is_map, negated = match["map"] is not None, (match["sign"] or "")[:1] == "!"
        for place, key in enumerate(keys):
            header = _HAS_ADDRESS.search(key)
            if header is None:
                continue
            field = SOURCES if header[1] == "s" else DESTINATIONS
            groups = _groups(value.strip("{} \t\n"), place, family, is_map=is_map) if header[0].startswith(f"{own} ") else ()
            if groups is None:
                unread.append(match["value"])
            elif all(groups):
                found.append(AddressCondition(field, groups, negated, len(keys) == 1))
    return AddressReading(tuple(found), tuple(unread))


def _groups(elements: str, place: int, family: int, *, is_map: bool) -> tuple[Addresses, ...] | None:
    """The addresses that stand at one place of a concatenation, together where all else of their elements is the same."""
    found: dict[str, list[str]] = {}
    for element in elements.split(","):
        key, _, value = element.strip().partition(" : ")
        parts = key.split(" . ")
        if key == "*" or place >= len(parts):
            return None  # of what is in no other element, too
        rest = " . ".join((*parts[:place], "", *parts[place + 1:]))
        found.setdefault(f"{rest} : {value}" if is_map else rest, []).append(next(iter(parts[place].split()), ""))
    try:
        return tuple(read_addresses(each, family) for each in found.values())
    except ValueError:
        return None


def named_by(conditions: Iterable[AddressCondition], field: str) -> Iterator[Addresses]:
    """Every set of addresses that conditions on one field name.

    >>> list(named_by([AddressCondition("sources", (((1, 3),), ()))], "sources"))
    [((1, 3),)]
    """
    for condition in conditions:
        if condition.field == field:
            yield from (group for group in condition.groups if group)


def entries_of(texts: Mapping[str, str]) -> Entries:
    """The ipsets of a node with rulesets of these texts, by kind.

    >>> entries_of({"ipset": "create banned hash:ip"})
    {'banned': ('hash:ip', {})}
    """
    return ipset.entries(texts.get("ipset", ""))
