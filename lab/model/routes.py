"""Where a packet goes from the node, by its destination, its mark and where it came in."""

from __future__ import annotations

from collections.abc import Iterator

from lab.model.diagrams import DESTINATION, ENTERED, LEFT, NOWHERE, SOURCE, Flows, Space
from lab.model.now import Now
from lab.model.stage import Lookup, Stage
from lab.ruleset.addresses import together

_LOOPBACK = {4: 0x7F000001, 6: 1}


class Routes:
    """The routing of a stage over a space."""

    def __init__(self, space: Space, stage: Stage) -> None:
        self._space, self._stage = space, stage
        self.own_addresses = together(one for ranges in stage.own.values() for one in ranges)
        self._own = space.ranges(DESTINATION, self.own_addresses)
        self._ways: dict[object, Flows] = {}

    def own(self, now: Now) -> Flows:
        """The flows whose packet is for the node itself."""
        return self._own if now.to is None else self._space.fixed(self._own, DESTINATION, *now.to)

    def itself(self) -> Iterator[tuple[str, int]]:
        """The address that a packet is sent on to which is turned to the node itself, by where it came in."""
        for name, ranges in self._stage.own.items():
            if ranges:
                yield name, ranges[0][0]
        yield NOWHERE, _LOOPBACK[self._space.family]

    def masks(self) -> dict[str, int]:
        """The address that masquerades what leaves by each interface."""
        return {name: ranges[0][0] for name, ranges in self._stage.own.items() if ranges}

    def ways(self, now: Now) -> Flows:
        """All flows, each with the interface that its packet leaves by; those without a way are not among them."""
        key = now.to, now.mark
        if key not in self._ways:
            self._ways[key] = self._made(now)
        return self._ways[key]

    def reverse_path(self) -> Flows:
        """The flows whose source is reached by the interface that they come in by (xt_rpfilter, without a mark)."""
        space = self._space
        left, found = space.all, space.interface(ENTERED, NOWHERE)
        for lookup in self._stage.lookups:
            if lookup.mark is not None and lookup.mark[0] & lookup.mark[1]:
                continue
            for low, high, name in lookup.ways:
                here = left & space.ranges(SOURCE, ((low, high),))
                left = left & ~here
                found = found | (here & (space.none if name is None else space.interface(ENTERED, name)))
        return found

    def _made(self, now: Now) -> Flows:
        space = self._space
        left, found = space.all, space.none
        for lookup in self._stage.lookups:
            if lookup.mark is not None and ((now.mark or 0) ^ lookup.mark[0]) & lookup.mark[1]:
                continue
            asks = self._asks(lookup)
            for low, high, name in lookup.ways:
                here = left & asks & space.ranges(DESTINATION, ((low, high),))
                if here != space.none:
                    left = left & ~here
                    found = found | (here & (space.none if name is None else space.interface(LEFT, name)))
        return found if now.to is None else space.fixed(found, DESTINATION, *now.to)

    def _asks(self, lookup: Lookup) -> Flows:
        space = self._space
        found = space.all
        if lookup.sources is not None:
            found = found & space.ranges(SOURCE, lookup.sources)
        if lookup.destinations is not None:
            found = found & space.ranges(DESTINATION, lookup.destinations)
        return found if lookup.entered is None else found & space.interface(ENTERED, lookup.entered)
