"""A set of flows told in words, with its size, and one flow of it that can be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from lab.model.conditions import PROTOCOLS
from lab.model.diagrams import DESTINATION, DPORT, ENTERED, LEFT, NOWHERE, PROTO, SOURCE, SPORT, TCP_FLAGS, Flows, Space
from lab.model.sendable import ACK, FIN, RST, SYN, Sendable
from lab.model.stage import Stage
from lab.record.difference import Flow, FlowClass
from lab.ruleset.addresses import Addresses, address_of, address_words, holds, together
from lab.written.icmp_types import ICMP_TYPES, ICMPV6_TYPES
from lab.written.service import ports_text

_NAMES = {number: name for name, number in PROTOCOLS.items()}
_MOST_WORDS = 200


class Describer:
    """Tells of sets of flows at a stage."""

    def __init__(self, space: Space, stage: Stage, sendable: Sendable) -> None:
        self._space, self._stage, self._sendable = space, stage, sendable
        self._preferences = tuple(sendable.preferences())
        self._low_sports = space.ranges(SPORT, ((0, 1023),))
        self._words: dict[tuple[str, Flows], tuple[str, ...]] = {}
        self._told_services: dict[Flows, tuple[str, ...]] = {}
        self._types = ICMP_TYPES if space.family == 4 else ICMPV6_TYPES

    def flow(self, flows: Flows) -> tuple[Flow, tuple[str, ...]] | None:
        """A flow of the set that can be sent, and what of that which nobody can read it hangs on, if there is none without."""
        space = self._space
        sure = space.whatever(flows) & self._sendable.known
        wanted = sure if sure != space.none else space.bound(flows) & self._sendable.known
        if wanted == space.none:
            return None
        wanted, sport_is_free = self._any_source_port(wanted)
        for preference in self._preferences:
            better = wanted & preference
            if better != space.none:
                wanted = better
        found = space.one(wanted)
        packet = space.all
        for field, value in found.items():
            if field not in (LEFT, SPORT):
                packet = packet & space.number(field, value)
        if not sport_is_free:
            packet = packet & space.number(SPORT, found[SPORT])
        return self._told(found, sport_is_free=sport_is_free), space.rests_on(flows & packet)

    def _any_source_port(self, flows: Flows) -> tuple[Flows, bool]:
        """Those whose source port may be any that a host chooses; else ordinary ones, if there are."""
        space = self._space
        robust = space.always(flows | self._low_sports, [SPORT])
        if robust != space.none:
            return robust, True
        return (flows & ~self._low_sports if (flows & ~self._low_sports) != space.none else flows), False

    def _told(self, found: Mapping[str, int], *, sport_is_free: bool) -> Flow:
        space = self._space
        entered, source = space.interfaces[found[ENTERED]], found[SOURCE]
        senders = [one.sender for one in self._stage.entrances if one.interface == entered and holds(one.sources, source)]
        node = self._stage.node if entered == NOWHERE else senders[0]
        proto, low = found[PROTO], found[DPORT]
        flags = found[TCP_FLAGS] if proto == 6 else SYN
        return Flow(
            node, str(address_of(source, space.family)), str(address_of(found[DESTINATION], space.family)),
            self._icmp(low) if proto not in (6, 17) else f"{_NAMES[proto]}/{low}", space.family,
            None if sport_is_free or proto not in (6, 17) else found[SPORT],
            () if flags == SYN else tuple(name for name, bit in (("fin", FIN), ("rst", RST), ("ack", ACK)) if flags & bit),
        )  # fmt: skip

    def _icmp(self, value: int) -> str:
        name = "icmp" if self._space.family == 4 else "icmpv6"
        kind, code = value >> 8, value & 255
        called = next((word for word, known in self._types.items() if known == (kind, code)), None)
        return f"{name}/{called or f'{kind}.{code}'}"

    def of(self, flows: Flows) -> FlowClass:
        """The class in words; a port, or a type of ICMP, is one service."""
        space = self._space
        shadow, begun = self._shadow(flows), self._shadow(flows & (self._sendable.syn | ~self._sendable.tcp))
        sources = space.without(shadow, [DESTINATION, PROTO, DPORT])
        destinations = space.without(shadow, [SOURCE, PROTO, DPORT])
        services = space.without(shadow, [SOURCE, DESTINATION])
        flows_in_it = space.count(shadow, [SOURCE, DESTINATION, PROTO, DPORT])
        together = space.count(sources, [SOURCE]) * space.count(destinations, [DESTINATION])
        together *= space.count(services, [PROTO, DPORT])
        # what only some source ports have is no whole class: a row, and a reader, name none
        from_any = space.always(flows | self._low_sports, [SPORT])
        icmp = self._sendable.icmp
        of_some = space.bound(space.without(flows & ~icmp, [ENTERED, SPORT, TCP_FLAGS])) & ~space.bound(
            space.without(from_any & ~icmp, [ENTERED, TCP_FLAGS])
        )
        whole = flows_in_it == together and begun in (shadow, space.none) and of_some == space.none
        entered = (space.interfaces[number] for low, high in space.values(flows, ENTERED) for number in range(low, high + 1)
                   if number < len(space.interfaces))  # fmt: skip
        return FlowClass(
            self._addresses(sources, SOURCE), self._addresses(destinations, DESTINATION), self._services(services),
            flows_in_it, whole, tuple(name for name in entered if name != NOWHERE),
        )  # fmt: skip

    def _shadow(self, flows: Flows) -> Flows:
        """The ends and services of a set."""
        space, icmp = self._space, self._sendable.icmp
        typed = icmp & space.without_low_byte(flows & icmp)
        return space.bound(space.without((flows & ~icmp) | typed, [ENTERED, SPORT, TCP_FLAGS]))

    def _addresses(self, shadow: Flows, field: str) -> tuple[str, ...]:
        told = self._words.get((field, shadow))
        if told is None:
            ranges = tuple(islice(self._space.ascending(shadow, field), _MOST_WORDS + 1))
            words = address_words(ranges[:_MOST_WORDS], self._space.family)
            told = self._words[field, shadow] = (*words, "…") if len(ranges) > _MOST_WORDS else words
        return told

    def _services(self, shadow: Flows) -> tuple[str, ...]:
        told = self._told_services.get(shadow)
        if told is None:
            told = self._told_services[shadow] = tuple(self._services_of(shadow))
        return told

    def _services_of(self, shadow: Flows) -> Sequence[str]:
        space = self._space
        found: list[str] = []
        protos = [proto for low, high in space.values(shadow, PROTO) for proto in range(low, high + 1)]
        icmp = 1 if space.family == 4 else 58
        for proto in (6, 17, icmp):
            if proto in protos:
                values = space.values(shadow & space.number(PROTO, proto), DPORT)
                told = [f"{_NAMES[proto]}/{ports_text(values)}"] if proto in (6, 17) else self._kinds(values, _NAMES[proto])
                found += told
        others = together((proto, proto) for proto in protos if proto not in (6, 17, icmp))
        return [*found, *([f"proto/{ports_text(others)}"] if others else ())]

    def _kinds(self, values: Addresses, name: str) -> list[str]:
        told = []
        for low, high in together((low >> 8, high >> 8) for low, high in values):
            called = next((word for word, known in self._types.items() if known in ((low, 0), (low, None))), None)
            told.append(called if low == high and called else str(low) if low == high else f"{low}-{high}")
        return [f"{name}/{word}" for word in told]
