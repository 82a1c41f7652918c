"""What a rule asks, as the set of flows whose packet has it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from lab.model.deeds import MASQUERADE, first_address
from lab.model.diagrams import DESTINATION, DPORT, ENTERED, LEFT, NOWHERE, PROTO, SOURCE, SPORT, TCP_FLAGS, Flows, Space
from lab.model.now import ANSWER, ERROR, FOLLOWS, INVALID, STATES, Now
from lab.ruleset import asked as of
from lab.ruleset import conditions as on
from lab.ruleset.addresses import Addresses
from lab.ruleset.asked import Asked

PROTOCOLS = {
    "icmp": 1, "igmp": 2, "ipip": 4, "tcp": 6, "udp": 17, "dccp": 33, "ipv6": 41, "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58,
    "ospf": 89, "pim": 103, "vrrp": 112, "sctp": 132, "udplite": 136,
}  # fmt: skip
WITH_PORTS = (6, 17, 33, 132, 136)
_ICMP = {4: 1, 6: 58}
_ECHO = {4: (8, 0), 6: (128, 129)}
_UNREACHABLE = {4: 3, 6: 1}
_FLAGS_OF = {ANSWER: 0x12, FOLLOWS: 0x10}
_INTERFACES = {on.ENTERED: ENTERED, on.LEFT: LEFT}
_OTHER = {SOURCE: DESTINATION, DESTINATION: SOURCE, SPORT: DPORT, DPORT: SPORT, ENTERED: LEFT, LEFT: ENTERED}
_REVERSE_PATHS = {  # nft lists the last one as 0 before 1.0.3
    "rpfilter": False, "rpfilter --invert": True, "fib saddr . iif oif missing": True, "fib saddr . iif oif 0": True,
}  # fmt: skip
_TO_MANY = re.compile(
    r"(?:! )?--(?:dst|src)-type (?:BROADCAST|MULTICAST)(?:,(?:BROADCAST|MULTICAST))*"
    r"|fib [sd]addr type (?:!= )?(?:broadcast|multicast|\{ (?:broadcast|multicast)(?:, (?:broadcast|multicast))* \})"
)
_LOOPBACK = {4: ((0x7F000000, 0x7FFFFFFF),), 6: ((1, 1),)}


class Conditions:
    """The conditions of one side's rules over a space; ``own`` are the node's addresses, ``sets`` its ipsets of addresses.

    ``reverse_path`` are the flows whose source the node would send to by the interface that they come in by, ``masks`` the
    address that masquerades at each interface.
    """

    def __init__(
        self, space: Space, own: Addresses, sets: Mapping[str, Addresses], reverse_path: Flows, masks: Mapping[str, int]
    ) -> None:
        self.space, self._sets, self._reverse_path, self._masks = space, sets, reverse_path, masks
        self._own = (*own, *_LOOPBACK[space.family])
        self._known: dict[tuple[Any, ...], Flows] = {}
        self._numbers: dict[Asked, int] = {}
        self._asked: list[Asked] = []
        self.icmp = space.number(PROTO, _ICMP[space.family])
        self.tcp = space.number(PROTO, 6)
        self._ported = space.any([space.number(PROTO, number) for number in WITH_PORTS])

    def number(self, asked: Asked) -> int:
        """What `has` knows a condition by: sets of many thousands are not compared again and again."""
        number = self._numbers.setdefault(asked, len(self._asked))
        if number == len(self._asked):
            self._asked.append(asked)
        return number

    def has(self, number: int, now: Now) -> Flows:
        """The flows whose packet has what is asked, where it is by ``now``."""
        asked = self._asked[number]
        key = (number, *_what_counts(asked.field, now))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._made(asked, now)
        return found

    def unread(self, said: str, now: Now) -> Flows:
        """The flows of which what nobody can read holds; of a reverse path the routes tell."""
        wrong = _REVERSE_PATHS.get(said)
        if wrong is not None:
            right = self.space.all if now.is_answer else self._reverse_path
            return ~right if wrong else right
        if _TO_MANY.fullmatch(said) is not None:  # no flow is asked that goes to many
            return self.space.all if "!" in said else self.space.none
        return self.space.all if now.loose else self.space.free(said, now.kind)

    def _made(self, asked: Asked, now: Now) -> Flows:
        found: Flows | None = getattr(self, _TESTS[asked.field])(asked, now)
        if found is None:
            found = self.unread(asked.words.removeprefix("! "), now)
            if now.loose:
                return found
        return ~found if asked.negated else found

    def _end(self, field: str, now: Now, flows: Callable[[str], Flows]) -> Flows:
        """A condition on an address or a port of the packet, which may have been translated."""
        mine = _OTHER[field] if now.is_answer else field
        found = flows(mine)
        if mine == DESTINATION and now.to is not None:
            return self.space.fixed(found, mine, *now.to)
        if mine == DPORT and now.to_port is not None:
            return self.space.fixed(found, mine, now.to_port)
        return self._masked(found, now) if mine == SOURCE and now.masked else found

    def _masked(self, flows: Flows, now: Now) -> Flows:
        """The flows that would be in the set if their source were what it was translated to; unread it stays."""
        space = self.space
        if now.shown != MASQUERADE:
            number = first_address(now.shown)
            return flows if number is None else space.fixed(flows, SOURCE, number)
        left = space.any([space.interface(LEFT, name) for name in self._masks])
        return (flows & ~left) | space.any([
            space.interface(LEFT, name) & space.fixed(flows, SOURCE, number) for name, number in self._masks.items()
        ])

    def _addresses(self, field: str, ranges: Addresses, now: Now) -> Flows:
        return self._end(field, now, lambda mine: self.space.ranges(mine, ranges))

    def _of_address(self, asked: Asked, now: Now) -> Flows:
        field = SOURCE if asked.field == on.SOURCES else DESTINATION
        mine = (ranges for family, ranges in asked.values if family == self.space.family)
        return self.space.any([self._addresses(field, ranges, now) for ranges in mine])

    def _of_set(self, asked: Asked, now: Now) -> Flows | None:
        ranges = self._sets.get(asked.values[0])
        return None if ranges is None else self._addresses(SOURCE if asked.field == of.SOURCE_IN else DESTINATION, ranges, now)

    def _local(self, asked: Asked, now: Now) -> Flows:
        return self._addresses(SOURCE if asked.field == of.LOCAL_SOURCE else DESTINATION, self._own, now)

    def _of_port(self, asked: Asked, now: Now) -> Flows:
        if now.kind == ERROR:
            return self.space.none
        fields = {on.SPORTS: (SPORT,), on.DPORTS: (DPORT,), on.PORTS: (SPORT, DPORT)}[asked.field]
        return self._ported & self.space.any(
            [self._end(field, now, lambda mine: self.space.ranges(mine, asked.values)) for field in fields]
        )

    def _of_original_port(self, asked: Asked, _now: Now) -> Flows:
        field = SPORT if asked.field == on.ORIGINAL_SPORTS else DPORT
        return self._ported & self.space.ranges(field, asked.values)

    def _protocol(self, asked: Asked, now: Now) -> Flows | None:
        numbers = [PROTOCOLS.get(str(name), int(name) if str(name).isdecimal() else None) for name in asked.values]
        if None in asked.values:
            return self.space.all
        if None in numbers:
            return None
        if now.kind == ERROR:
            return self.space.all if _ICMP[self.space.family] in numbers else self.space.none
        return self.space.any([self.space.number(PROTO, number) for number in numbers if number is not None and number < 256])

    def _family(self, asked: Asked, _now: Now) -> Flows:
        return self.space.all if self.space.family in asked.values else self.space.none

    def _interface(self, asked: Asked, now: Now) -> Flows:
        field = _INTERFACES[asked.field]
        mine = _OTHER[field] if now.is_answer else field
        words = [str(value) for value in asked.values]
        there = (name for name in self.space.interfaces if name != NOWHERE)
        named = (name for name in there if any(on.is_interface(word, name) for word in words))
        return self.space.any([self.space.interface(mine, name) for name in named])

    def _state(self, asked: Asked, now: Now) -> Flows | None:
        if now.loose and not {"DNAT", "SNAT"}.isdisjoint(asked.values):
            return None
        return self.space.any([self._one_state(value, now) for value in asked.values])

    def _one_state(self, value: str, now: Now) -> Flows:
        space = self.space
        if value == "DNAT":
            return space.all if now.to is not None or now.to_port is not None else space.none
        if value == "SNAT":
            return space.all if now.shown else space.none
        if not now.tracked:
            return space.all if value == "UNTRACKED" else space.none
        if not now.seen:
            return space.all if value == "INVALID" else space.none
        if not now.flow_tracked:
            if now.kind == ERROR:
                return space.all if value == "INVALID" else space.none
            # conntrack never saw the flow's first packet, and takes what it gets for the beginning of one
            taken = (self.tcp if value == "INVALID" else space.none) | (~self.tcp if value == "NEW" else space.none)
            return taken if now.kind == ANSWER else space.all if value == "NEW" else space.none
        return space.all if value == STATES[now.kind] else space.none

    def _icmp(self, asked: Asked, now: Now) -> Flows:
        space = self.space
        if now.kind == ERROR:
            return space.all if any(kind in (_UNREACHABLE[space.family], None) for kind, _ in asked.values) else space.none
        if now.is_answer:
            answer = _ECHO[space.family][1]
            told = any(kind in (answer, None) and code in (0, None) for kind, code in asked.values)
            return self.icmp if told else space.none
        return self.icmp & space.any([
            space.all if kind is None else
            space.prefix(DPORT, kind << 8, 8) if code is None else space.number(DPORT, kind << 8 | code)
            for kind, code in asked.values
        ])

    def _flags(self, asked: Asked, now: Now) -> Flows:
        if now.kind == ERROR:
            return self.space.none
        fixed = _FLAGS_OF.get(now.kind)
        if fixed is not None:
            return self.tcp if any(fixed & mask == wanted for mask, wanted in asked.values) else self.space.none
        return self.tcp & self.space.any([self.space.masked(TCP_FLAGS, mask & 63, wanted) for mask, wanted in asked.values])

    def _mark(self, asked: Asked, now: Now) -> Flows | None:
        if now.mark is None or now.loose:
            return None
        return self.space.all if any(now.mark & mask == value for value, mask in asked.values) else self.space.none

    def _direction(self, asked: Asked, now: Now) -> Flows:
        if now.kind == INVALID or not now.tracked:
            return self.space.none
        return self.space.all if ("REPLY" if now.is_answer else "ORIGINAL") in asked.values else self.space.none

    def _together(self, _asked: Asked, _now: Now) -> Flows | None:
        return None


def is_read(said: str) -> bool:
    """Whether the model knows what these words hold of, which no rule's own reading does.

    >>> is_read("rpfilter --invert"), is_read("limit --limit 3/min")
    (True, False)
    """
    return said in _REVERSE_PATHS or _TO_MANY.fullmatch(said) is not None


def _what_counts(field: str, now: Now) -> tuple[Any, ...]:
    """What of a packet a condition's set depends on, beyond its headers."""
    if field in (of.MARK, of.DIRECTION, of.TOGETHER, on.STATES):
        return now
    if field in (on.ICMP_TYPES, of.FLAGS, on.PROTO, of.SOURCE_IN, of.DESTINATION_IN):
        return now.kind, now.to, now.loose, now.shown if now.masked else ""
    return now.is_answer, now.kind == ERROR, now.to, now.to_port, now.shown if now.masked else ""


# by their names: bound methods would refer to each other in a circle, which the collector of dd's objects does not bear
_TESTS: Mapping[str, str] = {
    on.SOURCES: "_of_address", on.DESTINATIONS: "_of_address", on.SPORTS: "_of_port", on.DPORTS: "_of_port",
    on.PORTS: "_of_port", on.ORIGINAL_SPORTS: "_of_original_port", on.ORIGINAL_DPORTS: "_of_original_port",
    on.PROTO: "_protocol", of.FAMILY: "_family", on.ENTERED: "_interface", on.LEFT: "_interface", on.STATES: "_state",
    on.ICMP_TYPES: "_icmp", of.FLAGS: "_flags", of.SOURCE_IN: "_of_set", of.DESTINATION_IN: "_of_set", of.MARK: "_mark",
    of.DIRECTION: "_direction", of.LOCAL_SOURCE: "_local", of.LOCAL_DESTINATION: "_local", of.TOGETHER: "_together",
}  # fmt: skip
