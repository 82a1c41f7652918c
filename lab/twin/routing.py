"""A host's routes and routing rules as its node has them, and which way they lead."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lab.record.host import Host
from lab.twin.devices import LOOPBACK, Devices
from lab.written.route_lines import parse_routes
from lab.written.routing import TABLES, Route, RoutingRule
from lab.written.rule_lines import parse_rules
from lab.written.tables import is_table_name
from lab.written.words import Address, Network, refused

_FLAG = {4: "-4", 6: "-6"}
_TABLE = re.compile(r"\b(?:lookup|table) (\S+)")
_FIRST_UNNAMED = 10_000  # table numbers for names that no dump gives a number
_MAIN = TABLES["main"]
EVERYWHERE_LENGTH = 1
"""The longest prefix that is everything: a default route, or one of two halves, as VPNs write them."""


@dataclass(frozen=True)
class Routing:
    """What a node has of a host's ``routes`` and ``rules``, each with its line as a topology's file has it."""

    routes: tuple[Route, ...]
    rules: tuple[RoutingRule, ...]
    notes: tuple[str, ...]

    def best(self, prefix: Network | None, family: int) -> str | None:
        """The interface by which a plain packet to ``prefix`` leaves, to anywhere else if it is None; None if by none."""
        for table, suppressed in self._asked(family):
            ways = [
                (-route.destination.prefixlen, route.metric or 0, route.ways[0].dev)
                for route in self._by_prefix.get((table, family, prefix), ())
                if route.destination.prefixlen > suppressed
            ]
            if ways:
                return min(ways, key=lambda way: way[:2])[2]
        return None

    @cached_property
    def _by_prefix(self) -> Mapping[tuple[int, int, Network | None], Sequence[Route]]:
        """Routes that lead somewhere by table, family and prefix; those of everywhere under None too."""
        found: dict[tuple[int, int, Network | None], list[Route]] = {}
        for route in self.routes:
            if route.kind != "unicast" or not route.ways:
                continue
            table = route.table or _MAIN
            found.setdefault((table, route.family, route.destination), []).append(route)
            if route.destination.prefixlen <= EVERYWHERE_LENGTH:
                found.setdefault((table, route.family, None), []).append(route)
        return found

    def _asked(self, family: int) -> Iterator[tuple[int, int]]:
        """(table, prefix length of what it is not asked for) that a packet without a mark is looked up in, in their order."""
        written = [rule for rule in self.rules if rule.family in (None, family)]
        has_main = any(rule.is_plain and rule.table == _MAIN for rule in written)
        everyone = [*written, *([] if has_main else [RoutingRule("", _MAIN, priority=32766)])]
        for rule in sorted(everyone, key=lambda rule: 32000 if rule.priority is None else rule.priority):
            if rule.action == "lookup" and _for_all(rule):
                yield rule.table, -1 if rule.suppress is None else rule.suppress


def _for_all(rule: RoutingRule) -> bool:
    """Whether it holds for a packet without a mark, whatever its ends."""
    marked = rule.fwmark is not None and rule.fwmark != 0
    if rule.inverted:
        return marked
    asks = (rule.source, rule.destination, rule.iif, rule.oif, rule.uids, rule.protocol, rule.sports, rule.dports)
    return not marked and not rule.tos and all(one is None for one in asks)


def routing_of(host: Host, devices: Devices) -> Routing:
    """The routes and rules of ``host`` on a node with these ``devices``."""
    notes: list[str] = []
    numbers = _Numbers(host.tables, _names_of(host.routes) & _names_of(host.rules))
    rules = _but_for_stock(_each_once(_rules(host, devices, numbers, notes)))
    asked = {rule.table for rule in rules} | {_MAIN, TABLES["local"], TABLES["default"]}
    routes = tuple(route for route in _routes(host, devices, numbers, notes) if (route.table or _MAIN) in asked)
    return Routing(routes, rules, tuple(notes))


def _each_once(rules: Iterable[RoutingRule]) -> tuple[RoutingRule, ...]:
    return tuple({replace(rule, text="", item=0): rule for rule in rules}.values())


def _but_for_stock(rules: tuple[RoutingRule, ...]) -> tuple[RoutingRule, ...]:
    """The rules without the three that every node has, unless one of them is told by its absence: that of the local table."""
    families = {rule.said_family for rule in rules}
    local = {rule.said_family for rule in rules if rule.is_stock and rule.table == TABLES["local"]}
    return rules if families - local else tuple(rule for rule in rules if not rule.is_stock)


def _names_of(lines: Iterable[tuple[int, str]]) -> set[str]:
    """The words by which lines call tables."""
    return {name for _, line in lines for name in _TABLE.findall(line)}


class _Numbers:
    """Tables' numbers in the place of their names, which only the host's own files know.

    Names are ``kept`` that a route and a rule have in common: a topology takes them as they are.
    """

    def __init__(self, tables: Mapping[int, str], kept: Collection[str]) -> None:
        self._known = {name: number for number, name in tables.items()}
        self._kept = {name for name in kept if is_table_name(name) and name not in self._known}

    def in_line(self, line: str) -> str:
        """The line with numbers for names."""
        return re.sub(r"\b(lookup|table) (\S+)", lambda found: f"{found[1]} {self._number(found[2])}", line)

    def _number(self, name: str) -> str:
        if name in TABLES or name in self._kept or name == "unspec" or name[:1].isdigit() or name.startswith("["):
            return name
        if name not in self._known:
            self._known[name] = _FIRST_UNNAMED + len(self._known)
        return str(self._known[name])


def _joined(lines: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The lines, those of several ways in one."""
    found: list[tuple[int, str]] = []
    for family, line in lines:
        text = " ".join(line.split())
        if text.startswith("nexthop ") and found:
            found[-1] = found[-1][0], f"{found[-1][1]} {text}"
        elif text:
            found.append((family, text))
    return iter(found)


def _routes(host: Host, devices: Devices, numbers: _Numbers, notes: list[str]) -> Iterator[Route]:
    families = {one.version for device in devices.there.values() for one in device.addresses}
    left: dict[str, int] = {}
    for family, line in _joined(host.routes):
        try:
            (route,) = parse_routes(_of_family(numbers.in_line(line), family))
        except ValueError as error:
            notes.append(f"{host.name}: route {line!r} is not in the lab: {_without_line(error)}")
            continue
        if _of_kernel(route) or route.kind in ("anycast", "broadcast", "multicast"):
            continue
        why = _not_there(route, devices)
        if why is not None:
            notes.append(f"{host.name}: route {line!r} is not in the lab: {why}")
        elif route.family not in families:
            reason = f"it has no IPv{route.family} address that a lab can have"
            left[reason] = left.get(reason, 0) + 1
        elif any(way.dev is not None and way.dev not in (*devices.there, LOOPBACK) for way in route.ways):
            reason = "they leave by interfaces that are not"
            left[reason] = left.get(reason, 0) + 1
        else:
            yield route
    notes += [f"{host.name}: {number} routes are not in the lab: {reason}" for reason, number in left.items()]


def _not_there(route: Route, devices: Devices) -> str | None:
    """Why no node of a lab can have the route, which a reader must know of; None where it can, or its interface is left out."""
    for way in route.ways:
        if way.dev is not None and way.dev not in (*devices.there, *devices.left_out, LOOPBACK):
            return f"there is no {way.dev}"
        if way.via is not None and way.via.version == 6 and way.via.is_link_local:
            if not any(device.of_family(6) for device in devices.there.values()):
                return "its gateway is one of IPv6, and the host speaks IPv4 alone"
        elif way.via is not None:
            why = _no_gateway(way.via, way.dev, devices)
            if why is not None:
                return why
    return None


def _no_gateway(via: Address, dev: str | None, devices: Devices) -> str | None:
    """Why an address is no gateway that a node can have on the link ``dev``."""
    if (why := refused(via)) is not None:
        return f"its gateway is {why}"
    for name, device in devices.there.items():
        for address in device.of_family(via.version):
            network = address.network
            if address.ip == via:
                return "its gateway is the host itself"
            if via not in network or network.prefixlen >= network.max_prefixlen - 1:
                continue
            if via in (network[0], network[-1])[: 2 if via.version == 4 else 1]:
                return "its gateway is no host"
            own = devices.there.get(dev or name)
            if own is not None and all(via not in one.network for one in own.addresses):
                return f"its gateway is on {name}"
    return None


def _of_family(line: str, family: int) -> str:
    """The line, which says its family where nothing else in it does."""
    (route,) = parse_routes(line)
    return line if route.family == family and not route.family_open else f"{_FLAG[family]} {line}"


def _of_kernel(route: Route) -> bool:
    """Whether the kernel makes it of addresses; one with a metric of its own is kept, as `kernel_routes.metrics` reads it."""
    made = route.by_kernel and route.table in (None, *TABLES.values()) and route.metric is None
    return made and (route.kind != "unicast" or route.src is None or not _to_a_peer(route))


def _to_a_peer(route: Route) -> bool:
    """A route to the far end of a link, whose address is in no prefix of the interface's own."""
    return route.destination.prefixlen == route.destination.max_prefixlen


def _rules(host: Host, devices: Devices, numbers: _Numbers, notes: list[str]) -> Iterator[RoutingRule]:
    for family, line in host.rules:
        text = " ".join(line.split())
        if not text:
            continue
        if "[l3mdev-table]" in text:
            notes.append(f"{host.name}: rule {text!r} is not in the lab: no interface of a lab is in a VRF")
            continue
        try:
            (rule,) = parse_rules(f"{_FLAG[family]} {_detached(numbers.in_line(text), devices)}")
        except ValueError as error:
            notes.append(f"{host.name}: rule {text!r} is not in the lab: {_without_line(error)}")
            continue
        yield rule


def _detached(line: str, devices: Devices) -> str:
    """The line, each interface that the node has not marked as not there."""
    def mark(found: re.Match[str]) -> str:
        there = found[2] in devices.there or found[2] == LOOPBACK
        return found[0] if there else f"{found[1]} {found[2]} [detached]"

    return re.sub(r"\b(iif|oif) (\S+)(?: \[detached\])?", mark, line)


def _without_line(error: ValueError) -> str:
    """What is wrong, without the line, which stands before it."""
    return str(error).partition("\n")[0].rpartition("': ")[2]
