"""The flows that one rule may tell from others, as far as its text says: in the middle of each of its conditions, at their
edges, and one beyond; one condition at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lab.record.difference import Flow
from lab.ruleset.address_conditions import AddressCondition, Entries, read_conditions
from lab.ruleset.addresses import every
from lab.ruleset.conditions import (
    DESTINATIONS,
    DPORTS,
    ENTERED,
    ICMP_TYPES,
    LEFT,
    ORIGINAL_DPORTS,
    PORTS,
    PROTO,
    SOURCES,
    SPORTS,
    STATES,
    is_interface,
)
from lab.ruleset.held import HeldRule, ports_of
from lab.ruleset.rule import PORT_MAX
from lab.study.diff.grounds import Grounds, Origin
from lab.written.icmp_types import ICMP_TYPES as V4_TYPES
from lab.written.icmp_types import ICMPV6_TYPES as V6_TYPES

_MOST_EDGES = 12  # of one condition
_MOST_ENDS = 4  # senders, or targets, of a rule that names none
_USUAL = {"tcp": 8080, "udp": 8080}
_BARE = (("ack",), ("rst",), ("fin", "ack"))


@dataclass(frozen=True, slots=True)
class Service:
    """What is asked for, and how."""

    text: str
    sport: int | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Aimed:
    """A rule with the rules that lead to it, from the nearest on, and the ``hook`` that all begins with."""

    rule: HeldRule
    callers: tuple[HeldRule, ...] = ()
    hook: str | None = None

    @property
    def stack(self) -> tuple[HeldRule, ...]:
        """The rule itself, and its callers."""
        return self.rule, *self.callers


class Points:
    """Makes flows for rules on these ``grounds``; ``sets`` are the node's ipsets, ``published`` what it translates.

    ``published`` has the address that a translation leads to, with those (address, port) that are asked for to come there.
    """

    def __init__(self, grounds: Grounds, sets: Entries, published: Mapping[str, Sequence[tuple[str, int | None]]]) -> None:
        self._grounds, self._sets, self._published = grounds, sets, published

    def flows(self, aimed: Aimed) -> Iterator[Flow]:
        """The flows of one rule, those that it surely is about first."""
        origins, targets, services = self._origins(aimed), self._targets(aimed), list(self._services(aimed))
        base = services[:1]
        for target in targets[:_MOST_ENDS] or self._targets_of(aimed):
            for origin in origins[:_MOST_ENDS]:
                for service in base:
                    yield from self._flow(origin, target, service)
        for origin in origins[:_MOST_ENDS]:
            for target in targets[:_MOST_ENDS]:
                for service in services[1:]:
                    yield from self._flow(origin, target, service)
        for origin in origins[_MOST_ENDS:]:
            for target in targets[:1]:
                yield from self._flow(origin, target, services[0])
        for target in targets[_MOST_ENDS:]:
            for origin in origins[:1]:
                yield from self._flow(origin, target, services[0])

    def _targets_of(self, aimed: Aimed) -> Sequence[str]:
        return self._grounds.targets if aimed.hook != "input" else self._grounds.own

    def _flow(self, origin: Origin, target: str, service: Service) -> Iterator[Flow]:
        if not self._grounds.passes(origin, target):
            return
        published = self._published.get(target, ())
        for address, port in ((target, None), *published):
            text = service.text if port is None else f"{service.text.partition('/')[0]}/{port}"
            if port is None or service.text.startswith(("tcp/", "udp/")):
                family = self._grounds.family
                yield Flow(origin.node, origin.source, address, text, family, service.sport, service.flags)

    def _addresses(self, aimed: Aimed, field: str) -> list[int]:
        """Addresses inside of what the rules ask for, then the edges, and those next to them."""
        inside: list[int] = []
        edges: list[int] = []
        conditions = [one for rule in aimed.stack for one in self._read(rule) if one.field == field]
        for one in conditions:
            for group in one.groups:
                for low, high in group[:_MOST_EDGES]:
                    inside.append(low + 1 if high - low > 1 else low)
                    edges += [low, high, low - 1, high + 1]
        inside = [number for number in inside if all(one.may_be(number) for one in conditions)]
        ((_, top),) = every(self._grounds.family)
        return [number for number in dict.fromkeys((*inside, *edges[: 4 * _MOST_EDGES])) if 0 <= number <= top]

    def _read(self, rule: HeldRule) -> tuple[AddressCondition, ...]:
        return read_conditions(rule, self._grounds.family, self._sets).conditions

    def _origins(self, aimed: Aimed) -> list[Origin]:
        entered = self._interfaces(aimed, ENTERED)
        numbers = self._addresses(aimed, SOURCES)
        texts = (self._grounds.to_address(number) for number in numbers)
        named = [origin for text in texts if text is not None for origin in self._grounds.from_address(text, entered or ())]
        usual = [
            origin for origin in self._grounds.origins
            if (entered is None or self._grounds.enters(origin, entered))
            and self._may_begin(aimed, origin)
        ]  # fmt: skip
        other = [origin for origin in self._grounds.origins if origin not in usual and self._may_begin(aimed, origin)]
        # one that the rule is not about, too: what it lets through must not be let through from there
        return list(dict.fromkeys((*named, *(usual if not named else usual[:1]), *other[:1])))

    def _may_begin(self, aimed: Aimed, origin: Origin) -> bool:
        """Whether what a sender sends comes to the hook of a rule: what the node sends itself, or what others do."""
        return aimed.hook in (None, "postrouting") or (aimed.hook == "output") == (origin.node == self._grounds.node)

    def _targets(self, aimed: Aimed) -> list[str]:
        left = self._interfaces(aimed, LEFT)
        numbers = self._addresses(aimed, DESTINATIONS)
        named = [text for number in numbers if (text := self._grounds.to_address(number)) is not None]
        local = {"input": True, "forward": False}.get(aimed.hook or "")
        usual = [
            target for target in self._grounds.targets
            if (left is None or self._grounds.leaves(target, left)) and local in (None, self._grounds.is_local(target))
        ]  # fmt: skip
        return list(dict.fromkeys((*named, *(usual if not named else usual[:1]))))

    def _interfaces(self, aimed: Aimed, field: str) -> tuple[str, ...] | None:
        """The node's interfaces that the rules may mean; None where they say none."""
        names = tuple(self._grounds.topology.nodes[self._grounds.node].interfaces)
        asked = [one for rule in aimed.stack for one in rule.of(field)]
        if not asked:
            return None
        return tuple(
            name for name in names
            if all(any(is_interface(value, name) for value in one.values) != one.negated for one in asked)
        )  # fmt: skip

    def _services(self, aimed: Aimed) -> Iterator[Service]:
        """What a rule asks for, then what it just does not ask for."""
        found: list[Service] = []
        edges: list[Service] = []
        for proto in self._protocols(aimed):
            if proto in ("icmp", "icmpv6"):
                found += self._messages(aimed, proto)
                continue
            inside, near = _ports(aimed, (DPORTS, PORTS, ORIGINAL_DPORTS))
            own, beside = _ports(aimed, (SPORTS,))
            sport = own[0] if own else None
            found += [Service(f"{proto}/{port}", sport) for port in inside or [_USUAL[proto]]]
            edges += [Service(f"{proto}/{port}", sport) for port in near]
            edges += [Service(found[-1].text, port) for port in (*own[1:], *beside)]
            if proto == "tcp" and any(_asks_state(rule) for rule in aimed.stack):
                edges += [Service(found[-1].text, sport, flags) for flags in _BARE]
        yield from dict.fromkeys((*found, *edges))

    def _protocols(self, aimed: Aimed) -> list[str]:
        known = ["tcp", "udp", "icmp" if self._grounds.family == 4 else "icmpv6"]
        fitting = [proto for proto in known if all(rule.is_about(proto) for rule in aimed.stack)]
        has_ports = any(True for rule in aimed.stack for field in (DPORTS, SPORTS, PORTS) for _ in rule.of(field))
        if has_ports:
            fitting = [proto for proto in fitting if proto in _USUAL]
        says = any(True for rule in aimed.stack for _ in rule.of(PROTO))
        # beside what it is about, one that it is not
        other = [proto for proto in known if proto not in fitting]
        return [*fitting, *(other[:1] if says else [])] or known

    def _messages(self, aimed: Aimed, proto: str) -> list[Service]:
        names = V4_TYPES if proto == "icmp" else V6_TYPES
        said = [value for rule in aimed.stack for one in rule.of(ICMP_TYPES) for value in one.values]
        kinds = [word if word in names or word.replace("/", ".").replace(".", "").isdigit() else "" for word in said]
        texts = [f"{proto}/{word.replace('/', '.')}" for word in kinds if word]
        return [Service(text) for text in dict.fromkeys((*texts[:_MOST_EDGES], f"{proto}/echo-request"))]


def _asks_state(rule: HeldRule) -> bool:
    return any(True for _ in rule.of(STATES)) or "tcp-flags" in rule.text or "tcp flags" in rule.text or "--syn" in rule.text


def _ports(aimed: Aimed, fields: Sequence[str]) -> tuple[list[int], list[int]]:
    """Ports that the rules ask for, and those at the edges and next to them."""
    inside: list[int] = []
    near: list[int] = []
    for rule in aimed.stack:
        for field in fields:
            for one in rule.of(field):
                for low, high in (ports_of(one) or ())[:_MOST_EDGES]:
                    inside.append(low)
                    near += [high, low - 1, high + 1]
    kept = [[port for port in dict.fromkeys(ports) if 0 < port <= PORT_MAX] for ports in (inside, near)]
    return kept[0], kept[1][: 3 * _MOST_EDGES]
