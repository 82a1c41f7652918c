"""What a sweep has come to: the keys by the way that their packets went."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from lab.record.sweep import Arrived, Gear, Sweep, SweepGroup, ranges_of
from lab.record.verdict import Verdict


@dataclass(slots=True)
class Way:
    """Keys whose packets met the same.

    ``ask`` tells that single probes have to say what it was, ``each`` that every key is to be asked, not only two of them.
    """

    verdict: Verdict
    arrived: Arrived | None = None
    unsettled: str | None = None
    ask: bool = False
    each: bool = False
    keys: list[int] = field(default_factory=list)


@dataclass(slots=True)
class SweepTally:
    """Filled while a sweep goes on; after an interruption it holds what was finished.

    ``repeats`` and ``traced`` are those of `Sweep`.
    """

    ways: dict[Hashable, Way] = field(default_factory=dict)
    gear: Gear = Gear.RULE
    repeats: int = 0
    traced: int = 0
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    seconds: float = 0.0

    def add(self, story: Hashable, keys: Sequence[int], make: Callable[[], Way]) -> None:
        """Add keys of one story; ``make`` gives the way of a story that was not met before."""
        way = self.ways.get(story)
        if way is None:
            way = self.ways[story] = make()
        way.keys += keys

    @property
    def finished(self) -> list[Way]:
        """The ways that are known, those that are still to be asked left out."""
        return [way for way in self.ways.values() if way.keys and not way.ask]

    def groups(self) -> list[SweepGroup]:
        """A group for each way, down to the last rule that the packets met."""
        return [SweepGroup(ranges_of(sorted(way.keys)), way.verdict, way.arrived, way.unsettled) for way in self.finished]

    def result(self) -> Sweep:
        """The sweep, in groups by verdict, rule and translation."""
        merged: dict[Hashable, list[Way]] = {}
        for way in self.finished:
            merged.setdefault(_what(way), []).append(way)
        groups = []
        for ways in merged.values():
            first = min(ways, key=lambda way: min(way.keys))
            keys = sorted(key for way in ways for key in way.keys)
            groups.append(SweepGroup(ranges_of(keys), first.verdict, first.arrived, first.unsettled))
        groups.sort(key=lambda group: group.keys[0])
        return Sweep(tuple(groups), self.gear, self.seconds, self.repeats, self.traced, self.sources, self.notes)


def _what(way: Way) -> Hashable:
    verdict = way.verdict
    rule = verdict.rule and (verdict.rule.node, verdict.rule.place)
    return verdict.kind, verdict.node, rule, verdict.reject, verdict.muted, way.arrived, way.unsettled
