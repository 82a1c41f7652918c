"""What a sweep has come to: the keys by what became of their packets."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from lab.record.sweep import Arrived, Gear, Ranges, Sweep, SweepGroup, ranges_of
from lab.record.verdict import Verdict
from lab.written.service import merged

_BEHIND = 1 << 16  # more than any key


@dataclass(slots=True)
class Fate:
    """Keys whose packets met the same.

    ``ask`` tells that single probes have to say what it was, ``each`` that every key is to be asked, not only two of them.
    ``beyond`` is what comes when a rule that decided lets no more of its kind pass.  ``spans`` are keys in ranges, where they
    are known so from the first.
    """

    verdict: Verdict
    arrived: Arrived | None = None
    unsettled: str | None = None
    beyond: Verdict | None = None
    ask: bool = False
    each: bool = False
    keys: list[int] = field(default_factory=list)
    spans: Ranges = ()

    @property
    def ranges(self) -> Ranges:
        """All keys, ascending."""
        return merged([*self.spans, *ranges_of(sorted(self.keys))]) if self.spans else ranges_of(sorted(self.keys))

    @property
    def first(self) -> int:
        """The lowest key."""
        return min(*self.keys, *(low for low, _ in self.spans), _BEHIND)


@dataclass(slots=True)
class SweepTally:
    """Filled while a sweep goes on; after an interruption it holds what was finished.

    ``repeats``, ``traced`` and ``sent`` are those of `Sweep`.  ``heard`` is told now and then how many keys were ``asked``, of
    how many.
    """

    fates: dict[Hashable, Fate] = field(default_factory=dict)
    gear: Gear = Gear.RULE
    repeats: int = 0
    traced: int = 0
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    seconds: float = 0.0
    sent: int = 0
    heard: Callable[[int, int], None] | None = None
    asked: int = 0

    def tell(self, keys: int = 0, of: int | None = None) -> None:
        """Tell ``heard`` that so many keys more were asked, of how many: ``of``, or as many as are sent."""
        if self.heard is not None:
            whole = self.sent if of is None else of
            self.asked = min(self.asked + keys, whole)  # what is asked once more is no more of them
            self.heard(self.asked, whole)

    def add(self, story: Hashable, keys: Sequence[int], make: Callable[[], Fate]) -> None:
        """Add keys of one story; ``make`` gives the fate of a story that was not met before."""
        fate = self.fates.get(story)
        if fate is None:
            fate = self.fates[story] = make()
        fate.keys += keys

    def take(self, wanted: Callable[[Fate], bool]) -> list[int]:
        """Take the fates away that are ``wanted``; their keys, ascending."""
        taken = [story for story, fate in self.fates.items() if wanted(fate)]
        return sorted(key for story in taken for key in self.fates.pop(story).keys)

    @property
    def finished(self) -> list[Fate]:
        """The fates that are known, those that are still to be asked left out."""
        return [fate for fate in self.fates.values() if (fate.keys or fate.spans) and not fate.ask]

    def groups(self) -> list[SweepGroup]:
        """A group for each fate, down to the last rule that the packets met."""
        return [
            SweepGroup(fate.ranges, fate.verdict, fate.arrived, fate.unsettled, fate.beyond)
            for fate in self.finished
        ]

    def result(self) -> Sweep:
        """The sweep, in groups by verdict, rule and translation."""
        together: dict[Hashable, list[Fate]] = {}
        for fate in self.finished:
            together.setdefault(_what(fate), []).append(fate)
        groups = []
        for fates in together.values():
            first = min(fates, key=lambda fate: fate.first)
            ranges = merged([one for fate in fates for one in fate.ranges])
            groups.append(SweepGroup(ranges, first.verdict, first.arrived, first.unsettled, first.beyond))
        groups.sort(key=lambda group: group.keys[0])
        return Sweep(
            tuple(groups), self.gear, self.seconds, self.repeats, self.traced, self.sources, self.notes, self.sent
        )  # fmt: skip


def _what(fate: Fate) -> Hashable:
    verdict = fate.verdict
    return *_story(verdict), verdict.muted, fate.arrived, fate.unsettled, fate.beyond and _story(fate.beyond)


def _story(verdict: Verdict) -> tuple[Hashable, ...]:
    return verdict.kind, verdict.node, verdict.rule and (verdict.rule.node, verdict.rule.place), verdict.reject
