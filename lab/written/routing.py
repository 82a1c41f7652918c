"""Routes and routing rules, written in the words of ``ip route`` and ``ip rule``."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import Literal

from lab.written.words import Address, Network, is_address, number_of, parse_address, parse_network, text_of

RouteKind = Literal["unicast", "blackhole", "unreachable", "prohibit"]

_KINDS: tuple[RouteKind, ...] = ("unicast", "blackhole", "unreachable", "prohibit")
_TABLES = {"default": 253, "main": 254, "local": 255}
_ROUTE_FORM = "[blackhole|unreachable|prohibit] DESTINATION [via ADDRESS] [dev INTERFACE] [table N]"
_RULE_FORM = "[from P] [to P] [iif I] [oif I] [fwmark N[/MASK]] lookup N [pref N]"
_HIGHEST = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Route:
    """One route of a node; ``text`` is as written, ``table`` None the main table, ``dev`` the interface's name."""

    text: str
    destination: Network
    via: Address | None = None
    dev: str | None = None
    table: int | None = None
    kind: RouteKind = "unicast"

    @property
    def family(self) -> int:
        """4 or 6."""
        return self.destination.version


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """One policy routing rule of a node: what selects, and the table that is looked up.

    ``source`` and ``destination`` are the words ``from`` and ``to`` (None: all); ``mask`` is None where none is written.
    """

    text: str
    table: int
    source: Network | None = None
    destination: Network | None = None
    iif: str | None = None
    oif: str | None = None
    fwmark: int | None = None
    mask: int | None = None
    priority: int | None = None

    @property
    def family(self) -> int | None:
        """4 or 6 where a prefix says so; None where the rule holds for each family that the node has."""
        prefix = self.source or self.destination
        return prefix.version if prefix else None


def parse_route(value: object) -> Route:
    """A route from ``10.99.0.0/16 via 10.0.1.99 table 7``; ValueError with what is wrong."""
    if isinstance(value, Route):
        return value
    text = text_of(value)
    words = text.split()
    kind = next((kind for kind in _KINDS if words[:1] == [kind]), None)
    if kind:
        words = words[1:]
    if not words:
        raise ValueError(f"{text!r} has no destination; a route is written {_ROUTE_FORM}")
    given = _pairs(text, words[1:], {"via": "via", "dev": "dev", "table": "table"}, _ROUTE_FORM)
    via = _address(text, given["via"]) if "via" in given else None
    route = Route(
        text=text,
        destination=_destination(text, words[0], via),
        via=via,
        dev=given.get("dev"),
        table=_table(text, given["table"]) if "table" in given else None,
        kind=kind or "unicast",
    )
    if route.kind != "unicast" and (route.via or route.dev):
        raise ValueError(f"{text!r}: a {route.kind} route leads nowhere, so it has no via and no dev")
    if route.kind == "unicast" and not (route.via or route.dev):
        raise ValueError(f"{text!r} leads nowhere: say `via ADDRESS` or `dev INTERFACE`")
    if via and via.version != route.destination.version:
        raise ValueError(f"{text!r} mixes IPv4 and IPv6")
    return route


def parse_rule(value: object) -> RoutingRule:
    """A routing rule from ``fwmark 2 lookup 102 pref 100``; ValueError with what is wrong."""
    if isinstance(value, RoutingRule):
        return value
    text = text_of(value)
    aliases = {word: word for word in ("from", "to", "iif", "oif", "fwmark")}
    aliases |= {"lookup": "lookup", "table": "lookup", "pref": "pref", "priority": "pref", "preference": "pref"}
    given = _pairs(text, text.split(), aliases, _RULE_FORM)
    if "lookup" not in given:
        raise ValueError(f"{text!r} looks up no table; a rule is written {_RULE_FORM}")
    mark, slash, mask = given.get("fwmark", "").partition("/")
    rule = RoutingRule(
        text=text,
        table=_table(text, given["lookup"]),
        source=_prefix(text, given.get("from")),
        destination=_prefix(text, given.get("to")),
        iif=given.get("iif"),
        oif=given.get("oif"),
        fwmark=_number(text, "fwmark", mark) if mark else None,
        mask=_number(text, "the mark's mask", mask) if slash else None,
        priority=_number(text, "pref", given["pref"]) if "pref" in given else None,
    )
    if rule.source and rule.destination and rule.source.version != rule.destination.version:
        raise ValueError(f"{text!r} mixes IPv4 and IPv6")
    return rule


def _pairs(text: str, words: list[str], aliases: dict[str, str], form: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for position in range(0, len(words), 2):
        word = words[position]
        if word not in aliases:
            raise ValueError(f"{text!r}: {word!r} is not known here; it is written {form}")
        if position + 1 == len(words):
            raise ValueError(f"{text!r}: nothing follows {word!r}; it is written {form}")
        if aliases[word] in given:
            raise ValueError(f"{text!r} says {word!r} twice")
        given[aliases[word]] = words[position + 1]
    return given


def _destination(text: str, word: str, via: Address | None) -> Network:
    if word == "default":
        return ip_network("::/0" if via is not None and via.version == 6 else "0.0.0.0/0")
    try:
        return parse_network(word)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None


def _prefix(text: str, word: str | None) -> Network | None:
    if word is None or word == "all":
        return None
    try:
        return parse_network(word)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None


def _address(text: str, word: str) -> Address:
    if not is_address(word):
        raise ValueError(f"{text!r}: {word!r} is not an address")
    try:
        return parse_address(word)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None


def _table(text: str, word: str) -> int:
    return _TABLES[word] if word in _TABLES else _number(text, "table", word)


def _number(text: str, what: str, word: str) -> int:
    try:
        number = number_of(word)
    except ValueError:
        raise ValueError(f"{text!r}: {what} must be a number, not {word!r}") from None
    if not 0 <= number <= _HIGHEST:
        raise ValueError(f"{text!r}: {what} {number} is not between 0 and {_HIGHEST}")
    return number
