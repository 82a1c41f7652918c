"""What `ip -j` prints of addresses, links, routes and rules; routes and rules as the lines that `ip` prints without ``-j``.

The keys are those of iproute2's ip/ipaddress.c, ip/iproute.c and ip/iprule.c.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Interface, IPv6Interface
from typing import Any

from lab.errors import Where
from lab.record.host import Dumped, Link
from lab.twin.addresses import interface_of, joined
from lab.twin.json_text import load_json, refuse, shown

_BY_LINK_TYPE = {"ppp": "ppp", "sit": "sit", "ipip": "ipip", "gre": "gre", "tunnel6": "ip6tnl"}
_FAMILIES = {"inet": 4, "inet6": 6}
_METRICS = ("mtu", "window", "ssthresh", "cwnd", "advmss", "reordering", "hoplimit", "initcwnd", "initrwnd", "quickack")
_ROUTE_FLAGS = ("onlink", "linkdown", "pervasive", "dead", "unresolved")
_ENCAPSULATED = ("encap", "newdst")
_ACTIONS = ("goto", "nop", "blackhole", "unreachable", "prohibit")


def is_json(text: str) -> bool:
    """Whether `ip` was asked for JSON; it prints nothing or ``[]`` where there is nothing."""
    return text.lstrip()[:1] in ("[", "{")


class _Item:
    """One object of a list that `ip -j` printed; every value is looked at before it is used."""

    def __init__(self, value: object, where: Where, what: str) -> None:
        if not isinstance(value, dict):
            refuse(f"{shown(value)} stands where {what} belongs", where)
        self.value: Mapping[str, Any] = value
        self.where = where
        self.what = what

    def has(self, key: str) -> bool:
        """Whether the key is there, with or without a value."""
        return key in self.value

    def word(self, key: str) -> str | None:
        """A value that is one word; a number is one too."""
        found = self.value.get(key)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, str | int):
            refuse(f"{self.what} has {shown(found)} as its {key!r}", self.where)
        text = str(found)
        if not text or not text.isprintable() or " " in text:
            refuse(f"{self.what} has {shown(text)} as its {key!r}, which is no word", self.where)
        return text

    def number(self, key: str) -> int | None:
        """A value that is a number, and none below 0."""
        found = self.value.get(key)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < 2**32:
            refuse(f"{self.what} has {shown(found)} as its {key!r}, which is no number", self.where)
        return found

    def several(self, key: str) -> Sequence[object]:
        """A list; empty where there is none."""
        found = self.value.get(key, [])
        if not isinstance(found, list):
            refuse(f"{self.what} has {shown(found)} as its {key!r}, which is no list", self.where)
        return found

    def inner(self, key: str) -> _Item | None:
        """An object inside this one."""
        found = self.value.get(key)
        return None if found is None else _Item(found, self.where, f"the {key!r} of {self.what}")


def _items(dumped: Dumped, what: str) -> Iterator[_Item]:
    where = Where(dumped.shown)
    found = load_json(dumped.text, where)
    if not isinstance(found, list):
        refuse(f"it is no list, as `ip -j` prints {what}s", where)
    # before 4.17 `ip` prints an empty object for what it leaves out
    return (_Item(one, where, f"{what} {number}") for number, one in enumerate(found, start=1) if one != {})


def links_of_json(dumped: Dumped) -> tuple[Link, ...]:
    """The interfaces of `ip -j addr` or `ip -j link`; raises InputError."""
    return joined((_link(one), one.where) for one in _items(dumped, "interface"))


def _link(one: _Item) -> Link:
    name = one.word("ifname")
    if name is None:
        refuse(f"{one.what} has no `ifname`", one.where, "take what `ip -j addr` prints")
    flags = one.several("flags")
    details = one.inner("linkinfo")
    kind_of_link = one.word("link_type")
    addresses: list[IPv4Interface | IPv6Interface] = []
    peer: list[str] = []
    for value in one.several("addr_info"):
        info = _Item(value, one.where, f"an address of {name}")
        if info.has("dadfailed") or info.value == {}:
            continue
        address, far = _address(info)
        addresses.append(address)
        if far is not None:
            peer.append(far)
    return Link(
        name, tuple(dict.fromkeys(addresses)),
        (details and details.word("info_kind")) or _BY_LINK_TYPE.get(kind_of_link or ""),
        one.word("address") if kind_of_link == "ether" else None, one.number("mtu"), not flags or "UP" in flags,
        one.word("master"), tuple(dict.fromkeys(peer)), "POINTOPOINT" in flags,
    )  # fmt: skip


def _address(info: _Item) -> tuple[IPv4Interface | IPv6Interface, str | None]:
    own, length, far = info.word("local"), info.number("prefixlen"), info.word("address")
    family = _FAMILIES.get(info.word("family") or "")
    if own is None or length is None or family is None:
        refuse(f"{info.what} has no family, `local` and `prefixlen`", info.where, "take what `ip -j addr` prints")
    return interface_of(own if far else f"{own}/{length}", far and f"{far}/{length}", family, info.where)


def route_lines(dumped: Dumped) -> tuple[str, ...]:
    """The routes of `ip -j route`, each as a line of `ip route`; raises InputError."""
    return tuple(" ".join(_route(one)) for one in _items(dumped, "route"))


def _route(one: _Item) -> Iterator[str]:
    if (kind := one.word("type")) not in (None, "unicast"):
        yield str(kind)
    destination = one.word("dst")
    if destination is None:
        refuse(f"{one.what} has no `dst`", one.where, "take what `ip -j route` prints")
    yield destination
    yield from _words(one, {"from": "from", "tos": "tos"})
    yield from _way(one)
    yield from _words(one, {"table": "table", "protocol": "proto", "scope": "scope", "prefsrc": "src", "metric": "metric"})
    yield from _flags(one)
    for metrics in one.several("metrics"):
        yield from _words(_Item(metrics, one.where, f"a metric of {one.what}"), {name: name for name in _METRICS})
    yield from _words(one, {"pref": "pref"})
    for value in one.several("nexthops"):
        hop = _Item(value, one.where, f"a way of {one.what}")
        yield "nexthop"
        yield from _way(hop)
        yield from _words(hop, {"weight": "weight"})
        yield from _flags(hop)


def _way(one: _Item) -> Iterator[str]:
    """Where a route, or one of its ways, leads; what it wraps packets in is told as `ip` does, as no lab has it."""
    yield from (key for key in _ENCAPSULATED if one.has(key))
    if (via := one.inner("via")) is not None:
        yield from ("via", via.word("family") or "inet", via.word("host") or "")
    yield from _words(one, {"gateway": "via", "dev": "dev"})


def _flags(one: _Item) -> Iterator[str]:
    flags = one.several("flags")
    yield from (flag for flag in _ROUTE_FLAGS if flag in flags)


def rule_lines(dumped: Dumped) -> tuple[str, ...]:
    """The rules of `ip -j rule`, each as a line of `ip rule`; raises InputError."""
    return tuple(" ".join(_rule(one)) for one in _items(dumped, "rule"))


def _rule(one: _Item) -> Iterator[str]:
    priority = one.number("priority")
    if priority is None:
        refuse(f"{one.what} has no `priority`", one.where, "take what `ip -j rule` prints")
    yield f"{priority}:"
    if one.has("not"):
        yield "not"
    yield from ("from", _prefix(one, "src") or "all")
    if (destination := _prefix(one, "dst")) is not None:
        yield from ("to", destination)
    yield from _words(one, {"tos": "tos"})
    if (mark := one.word("fwmark")) is not None:
        mask = one.word("fwmask")
        yield from ("fwmark", mark if mask is None else f"{mark}/{mask}")
    for key in ("iif", "oif"):
        yield from _words(one, {key: key})
        if one.has(f"{key}_detached"):
            yield "[detached]"
    yield from _spans(one)
    if one.has("l3mdev"):
        yield from ("lookup", "[l3mdev-table]")
    yield from _words(one, {"table": "lookup", "suppress_prefixlen": "suppress_prefixlength"})
    yield from (f"{unread} {one.word(unread)}" for unread in ("tun_id", "suppress_ifgroup") if one.has(unread))
    if (target := one.word("goto")) is not None:
        yield from ("goto", target)
    elif (action := one.word("action")) in _ACTIONS:
        yield str(action)
    elif action not in (None, "to_tbl"):
        refuse(f"{one.what} has the action {shown(action)}, which is not known here", one.where)
    yield from _words(one, {"protocol": "proto"})


def _spans(one: _Item) -> Iterator[str]:
    if one.has("uid_start"):
        yield from ("uidrange", f"{one.number('uid_start')}-{one.number('uid_end')}")
    yield from _words(one, {"ipproto": "ipproto"})
    for key in ("sport", "dport"):
        yield from _words(one, {key: key})
        if one.has(f"{key}_start"):
            yield from (key, f"{one.number(f'{key}_start')}-{one.number(f'{key}_end')}")


def _prefix(one: _Item, key: str) -> str | None:
    address, length = one.word(key), one.number(f"{key}len")
    return address if address is None or length is None else f"{address}/{length}"


def _words(one: _Item, names: Mapping[str, str]) -> Iterator[str]:
    """Of each key that is there, its word in a line and its value."""
    for key, word in names.items():
        if (value := one.word(key)) is not None:
            yield from (word, value)
