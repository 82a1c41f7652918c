"""All that a rule of native nft asks, where every word of it is understood: what it then matches is known for sure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress

from lab.ruleset.addresses import read_addresses
from lab.ruleset.asked import FAMILY, FLAGS, LOCAL_DESTINATION, LOCAL_SOURCE, TOGETHER, Asked, Either, Partly, Whole
from lab.ruleset.conditions import (
    DESTINATIONS,
    DPORTS,
    ENTERED,
    ICMP_TYPES,
    LEFT,
    ORIGINAL_DPORTS,
    PROTO,
    SOURCES,
    SPORTS,
    STATES,
)
from lab.ruleset.nft.rule import without_block
from lab.ruleset.rule import is_one_protocol, protocol_name, read_ports
from lab.written.icmp_types import ICMP_TYPES as TYPES
from lab.written.icmp_types import ICMPV6_TYPES as TYPES6

_TOKEN = re.compile(r'"[^"]*"|\{[^{}]*\}|[^\s{}"]+')
_FAMILIES = {"ip": 4, "ip6": 6}
_PORTED = ("tcp", "udp", "udplite", "sctp", "dccp")
_KEYS: Mapping[tuple[str, ...], tuple[str, str]] = {
    ("ip", "saddr"): (SOURCES, ""), ("ip6", "saddr"): (SOURCES, ""), ("ip", "daddr"): (DESTINATIONS, ""),
    ("ip6", "daddr"): (DESTINATIONS, ""), ("meta", "l4proto"): (PROTO, ""), ("ip", "protocol"): (PROTO, ""),
    ("ip6", "nexthdr"): (PROTO, ""), ("meta", "nfproto"): (FAMILY, ""), ("iifname",): (ENTERED, ""), ("iif",): (ENTERED, ""),
    ("oifname",): (LEFT, ""), ("oif",): (LEFT, ""), ("meta", "iifname"): (ENTERED, ""), ("meta", "oifname"): (LEFT, ""),
    ("ct", "state"): (STATES, ""), ("ct", "status"): ("status", ""), ("ct", "original", "proto-dst"): (ORIGINAL_DPORTS, ""),
    ("th", "dport"): (DPORTS, ""), ("th", "sport"): (SPORTS, ""), ("icmp", "type"): (ICMP_TYPES, "icmp"),
    ("icmpv6", "type"): (ICMP_TYPES, "icmpv6"), ("tcp", "flags"): (FLAGS, "tcp"),
    ("fib", "daddr", "type"): (LOCAL_DESTINATION, ""), ("fib", "saddr", "type"): (LOCAL_SOURCE, ""),
    **{(proto, "dport"): (DPORTS, proto) for proto in _PORTED}, **{(proto, "sport"): (SPORTS, proto) for proto in _PORTED},
}  # fmt: skip
_PARTS = frozenset((SOURCES, DESTINATIONS, SPORTS, DPORTS, PROTO, ENTERED, LEFT))
_FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32}
_VERDICTS = frozenset((
    "accept", "drop", "return", "continue", "jump", "goto", "reject", "masquerade", "snat", "dnat", "redirect", "queue",
))  # fmt: skip
_BEGINS = frozenset(("meta", "ct", "limit", "ip", "ip6", "tcp", "udp", "fib", "ether", "quota", "notrack"))
_OF_LOGS = frozenset(("prefix", "level", "group", "flags", "snaplen", "queue-threshold"))


def whole_of_nft(text: str, named: Mapping[str, str]) -> Whole | None:
    """All that the rule asks of a packet; None where a word of it is not understood.

    ``named`` are the elements of its sets and maps that nothing changes.

    >>> found = whole_of_nft('iifname "eth1" tcp dport 22 counter accept', {})
    >>> [asked.words for asked in found.asked] if found else None
    ['iifname "eth1"', 'tcp', 'tcp dport 22']
    >>> whole_of_nft("limit rate 3/minute accept", {})
    """
    if "jump {" in text or "goto {" in text:
        return None
    try:
        return _Reader(_TOKEN.findall(text), named).read()
    except (ValueError, KeyError, IndexError):
        return None


def partly_of_nft(text: str, named: Mapping[str, str]) -> Partly:
    """What is understood of a rule, comparison by comparison, and the words of each that is not.

    >>> found = partly_of_nft('iifname "eth1" limit rate 3/minute burst 5 packets tcp dport 22 meta mark set 0x2 accept', {})
    >>> found.unread, found.sets, [asked.words for asked in found.asked]
    (('limit rate 3/minute burst 5 packets',), ('meta mark set 0x2',), ['iifname "eth1"', 'tcp', 'tcp dport 22'])
    """
    return _Reader(_TOKEN.findall(without_block(text)), named).partly()


class _Reader:
    """The words of a rule, from the first to its verdict."""

    def __init__(self, tokens: Sequence[str], named: Mapping[str, str]) -> None:
        self._tokens, self._named = tokens, named
        self._at = 0
        self._asked: list[Asked] = []
        self._either: dict[str, Either] = {}

    def read(self) -> Whole:
        """All of it; raises ValueError, KeyError or IndexError at what is not understood."""
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token in _VERDICTS:
                break
            verdicts = self._statement()
            if verdicts:
                return Whole(tuple(self._asked), verdicts)
        return Whole(tuple(self._asked))

    def _statement(self) -> tuple[tuple[Asked, str], ...]:
        """One comparison, and what a verdict map then says; or what asks nothing."""
        token = self._tokens[self._at]
        if token == "counter":
            self._at += 5 if self._ahead(1) == "packets" else 3 if self._ahead(1) == "name" else 1
        elif token == "comment":
            self._at += 2
        elif token == "log":
            self._at += 1
            while self._ahead(0) in _OF_LOGS:
                self._at += 2
        else:
            return self._match()
        return ()

    def partly(self) -> Partly:
        """What is understood; a comparison that is not ends where a word stands that begins another."""
        unread: list[str] = []
        sets: list[str] = []
        while self._at < len(self._tokens) and self._tokens[self._at] not in _VERDICTS:
            begun, known = self._at, len(self._asked)
            try:
                verdicts = self._statement()
            except (ValueError, KeyError, IndexError):
                del self._asked[known:]
                self._skip(begun + self._least(begun))
                said = " ".join(self._tokens[begun: self._at])
                (sets if " set " in said or said == "notrack" else unread).append(said)
            else:
                if verdicts:
                    return self._partly(unread, sets, verdicts)
        return self._partly(unread, sets, ())

    def _partly(self, unread: Sequence[str], sets: Sequence[str], verdicts: tuple[tuple[Asked, str], ...]) -> Partly:
        asked = tuple(one for one in self._asked if one.words not in self._either)
        return Partly(asked, tuple(unread), verdicts, tuple(sets), tuple(self._either.values()))

    def _skip(self, to: int) -> None:
        """Go on at the next word that begins something, at the earliest at ``to``."""
        self._at = to
        while self._at < len(self._tokens) and not self._begins():
            self._at += 1

    def _least(self, place: int) -> int:
        """How many words belong together whatever they look like: `fib saddr . iif oif`, `meta mark set ct mark`."""
        if self._tokens[place] != "fib":
            return 4 if self._tokens[place + 2: place + 3] == ["set"] else 1
        size = 2
        while self._tokens[place + size: place + size + 1] == ["."]:
            size += 2
        return size + 1

    def _begins(self) -> bool:
        token = self._tokens[self._at]
        key = any(tuple(self._tokens[self._at: self._at + size]) in _KEYS for size in (3, 2, 1))
        return (key and self._tokens[self._at - 1] != ".") or token in _VERDICTS or token in ("counter", "log") or (
            token == "comment" and self._at == len(self._tokens) - 2
        ) or token in _BEGINS

    def _ahead(self, places: int) -> str:
        place = self._at + places
        return self._tokens[place] if place < len(self._tokens) else ""

    def _match(self) -> tuple[tuple[Asked, str], ...]:
        """One comparison, and what a verdict map then says."""
        key, field = self._key()
        said = " ".join(key)
        if self._ahead(0) == ".":
            self._together(said, field)
            return ()
        sign = self._ahead(0) if self._ahead(0) in ("!=", "==") else ""
        self._at += bool(sign)
        negated = sign == "!="
        value = self._tokens[self._at]
        self._at += 1
        if value == "vmap":
            return self._map(key, field, f"{said} vmap")
        shown = f"{said} {f'{sign} ' if negated else ''}{value}"
        if field == FLAGS:
            if self._ahead(0) != "/":
                raise ValueError(value)
            mask = self._ahead(1)
            self._at += 2
            self._asked.append(Asked(FLAGS, ((_flags(mask), _flags(value)),), f"{shown} / {mask}", negated))
            return ()
        values = _values(key, field, self._elements(value))
        self._asked.append(Asked(STATES if field == "status" else field, values, shown, negated))
        return ()

    def _key(self) -> tuple[tuple[str, ...], str]:
        """What is compared, and its field."""
        key = next((key for size in (3, 2, 1) if (key := tuple(self._tokens[self._at: self._at + size])) in _KEYS), ())
        field, proto = _KEYS[key]
        self._at += len(key)
        if proto:
            self._implied(PROTO, proto, proto)
        if key[0] in _FAMILIES:
            # in a table of both families, a header is only there in its own, whatever it is compared with
            self._implied(FAMILY, _FAMILIES[key[0]], key[0])
        return key, field

    def _together(self, said: str, field: str) -> None:
        """Several keys at once, held against elements of as many parts; a map of them is not understood."""
        fields, keys = [field], [tuple(said.split())]
        while self._ahead(0) == ".":
            self._at += 1
            key, field = self._key()
            said += f" . {' '.join(key)}"
            fields.append(field)
            keys.append(key)
        sign = "!= " if self._ahead(0) == "!=" else ""
        self._at += bool(sign)
        value = self._tokens[self._at]
        self._at += 1
        if not _PARTS.issuperset(fields):
            raise ValueError(value)
        shown = f"{said} {sign}{value}"
        self._asked.append(Asked(TOGETHER, tuple(fields), shown, bool(sign)))
        with suppress(ValueError, KeyError, IndexError):
            ways = tuple(self._way(keys, fields, element) for element in self._elements(value))
            self._either[shown] = Either(ways, bool(sign))

    def _way(self, keys: Sequence[tuple[str, ...]], fields: Sequence[str], element: str) -> tuple[Asked, ...]:
        """One element of a concatenation, part by part; raises ValueError for what is not understood."""
        parts = [part.strip().strip('"') for part in element.split(" . ")]
        return tuple(
            Asked(field, _values(key, field, [part]), element) for key, field, part in zip(keys, fields, parts, strict=True)
        )

    def _implied(self, field: str, value: object, said: str) -> None:
        """What a key asks by itself, once."""
        if not any(one.field == field and one.values == (value,) and not one.negated for one in self._asked):
            self._asked.append(Asked(field, (value,), said))

    def _elements(self, value: str) -> list[str]:
        if value[:1] == "@":
            value = self._named[value[1:]]
        if value[:1] == "$":
            raise ValueError(value)
        return [part.strip().strip('"') for part in value.strip("{} \t\n").split(",")]

    def _map(self, key: tuple[str, ...], field: str, said: str) -> tuple[tuple[Asked, str], ...]:
        written = self._tokens[self._at]
        self._at += 1
        if self._ahead(0) not in ("", "comment"):
            raise ValueError(written)
        found = []
        for element in self._elements(written):
            part, colon, verdict = element.partition(" : ")
            if not colon or part.strip() == "*" or field == FLAGS:
                raise ValueError(element)
            values = _values(key, field, [part.strip().strip('"')])
            found.append((Asked(STATES if field == "status" else field, values, said), verdict.strip()))
        union = tuple(value for one, _ in found for value in one.values)
        self._asked.append(Asked(found[0][0].field, union, said))
        return tuple(found)


def _flags(value: str) -> int:
    return sum({_FLAGS[name] for name in value.split(",")})


def _values(key: tuple[str, ...], field: str, parts: Sequence[str]) -> tuple[object, ...]:
    if field in (SOURCES, DESTINATIONS):
        family = 4 if key[0] == "ip" else 6
        ranges = read_addresses(parts, family)
        if not ranges:
            raise ValueError(parts)
        return ((family, ranges),)
    return tuple(one for part in parts for one in _value(key, field, part))


def _value(key: tuple[str, ...], field: str, part: str) -> tuple[object, ...]:
    if not part or " " in part:
        raise ValueError(part)
    if field in (SPORTS, DPORTS, ORIGINAL_DPORTS):
        ports = read_ports(part.replace("-", ":"))
        if ports is None:
            raise ValueError(part)
        return ports
    if field == PROTO:
        if not is_one_protocol(part):
            raise ValueError(part)
        return (protocol_name(part),)
    if field == FAMILY:
        return ({"ipv4": 4, "ipv6": 6}[part],)
    return _word(key, field, part)


def _word(key: tuple[str, ...], field: str, part: str) -> tuple[object, ...]:
    if field in (ENTERED, LEFT) and part != ".":
        return (part,)
    if field == STATES:
        if not part.isalpha() or part in ("dnat", "snat"):
            raise ValueError(part)
        return (part.upper(),)
    if field == "status":
        return ({"dnat": "DNAT"}[part],)
    if field == ICMP_TYPES:
        if part.isdecimal():
            return ((int(part), None),)
        return (((TYPES if key[0] == "icmp" else TYPES6)[part][0], None),)
    return ({"local": "LOCAL"}[part],)
