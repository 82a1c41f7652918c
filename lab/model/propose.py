"""Which flows two rulesets may treat differently: the entry to this room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from lab.model.align import changed, sets_of
from lab.model.compare import Decided, Judged, Region, judged, regions
from lab.model.conditions import Conditions, is_read
from lab.model.describe import Describer
from lab.model.diagrams import Flows, Space
from lab.model.now import ANSWER, ERROR, FOLLOWS, INVALID, NEW, OUTPUT, RELATED, Now
from lab.model.proposal import Decision, Proposal, Proposed
from lab.model.routes import Routes
from lab.model.sendable import Sendable
from lab.model.stage import Stage
from lab.model.touched import touched
from lab.model.walk import Fates, Packets, Walk
from lab.record.difference import Aspect
from lab.ruleset.conditions import ENTERED, LEFT
from lab.ruleset.held import Chains, rules_of
from lab.ruleset.ipset_addresses import addresses_in

_LATER = (Aspect.ALLOW, Aspect.REFUSAL)
"""What is told apart of packets behind a flow's first: a trace tells the logs of that one alone."""
_LONG = 20
_IN_WORDS = {NEW: "", ANSWER: "its answer: ", FOLLOWS: "what follows: ", INVALID: "", RELATED: "", ERROR: "its error: "}


class _Found(NamedTuple):
    kind: str
    region: Region


def propose(
    old: Chains, new: Chains, stage: Stage, *, old_texts: Mapping[str, str], new_texts: Mapping[str, str], family: int
) -> Proposed:
    """One proposal for each pair of deciding rules and each aspect in which they differ, for packets of a family.

    ``old_texts`` and ``new_texts`` are what the node is loaded with, by kind, of which ipsets are read.
    """
    return _Comparison(old, new, stage, old_texts, new_texts, family).proposed()


class _Comparison:
    """Two sides over one space."""

    def __init__(
        self, old: Chains, new: Chains, stage: Stage, old_texts: Mapping[str, str], new_texts: Mapping[str, str], family: int
    ) -> None:
        self._stage, self._sides = stage, (old, new)
        self._space = space = Space(family, _interfaces(stage, (old, new)))
        self._routes = Routes(space, stage)
        self._sendable = Sendable(space, stage, self._routes)
        own = self._routes.own_addresses
        back, masks = self._routes.reverse_path(), self._routes.masks()
        self._walks = tuple(
            Walk(chains, Conditions(space, own, addresses_in(texts.get("ipset", ""), family), back, masks), self._routes)
            for chains, texts in ((old, old_texts), (new, new_texts))
        )
        self._changed = changed(old, new, sets_of(old_texts.get("ipset", "")), sets_of(new_texts.get("ipset", "")))
        self._aspects = tuple(
            one for one in Aspect if one != Aspect.RULE or _is_native(old, family) == _is_native(new, family)
        )

    def proposed(self) -> Proposed:
        """What differs."""
        among = touched(self._space, self._walks, self._changed)
        found = _merged(self._differences(among)) if among != self._space.none else []
        describer = Describer(self._space, self._stage, self._sendable)
        proposals: list[Proposal] = []
        unsendable: Counter[str] = Counter()
        for kind, region in found:
            chosen = None if kind in (RELATED, ERROR) else describer.flow(region.flows)
            if chosen is None:
                unsendable["RELATED" if kind in (RELATED, ERROR) else _protocols(describer.of(region.flows).services)] += 1
                continue
            flow, rests_on = chosen
            of = describer.of(region.flows)
            decisions = _decision(region.old, kind), _decision(region.new, kind)
            proposals.append(Proposal(flow, of, region.aspect, *decisions, rests_on))
        proposals.sort(key=lambda one: (one.aspect.place, -(one.of.size or 0)))
        return Proposed(tuple(proposals), self._but_for() if among != self._space.none else {}, unsendable)

    def _differences(self, among: Flows) -> Iterator[_Found]:
        sendable, space = self._sendable, self._space
        outside, itself = sendable.from_outside & among, sendable.from_itself & among
        for kind, flags in ((NEW, sendable.first), (INVALID, sendable.stray), (RELATED, sendable.first)):
            start = {
                now: flows for now, flows in ((Now(kind), outside & flags), (Now(kind, OUTPUT), itself & flags))
                if flows != space.none
            }
            fates = [walk.packets(start) for walk in self._walks]
            sides = [self._judged(one) for one in fates]
            later = list(self._later(fates, sides)) if kind == NEW else []
            errors = list(self._errors(fates, sides)) if kind == NEW else []
            # of a flow whose answer is denied that is what decides
            unanswered = space.any([one.denied for _, both, _ in later for one in both])
            rule = frozenset((Aspect.RULE,))
            graver = list(self._told(kind, sides, space.all, frozenset(self._aspects) - rule))
            yield from graver
            for name, both, passed in (*later, *errors):
                yield from self._told(name, both, passed, _LATER)
            alike = ~space.any([one.region.flows for one in graver])
            yield from self._told(kind, sides, alike & ~unanswered, rule.intersection(self._aspects))

    def _later(self, fates: list[Fates], sides: list[Judged]) -> Iterator[tuple[str, list[Judged], Flows]]:
        """What becomes of answers, and of what follows on these, where both sides let the packet before pass."""
        sendable = self._sendable
        for kind, flags in ((ANSWER, sendable.answered), (FOLLOWS, sendable.syn)):
            both = sides[0].passed & sides[1].passed & flags
            if both == self._space.none:
                return
            fates = [
                walk.packets(_then(one.passed, kind, both, self._space)) for walk, one in zip(self._walks, fates, strict=True)
            ]
            sides = [self._judged(one) for one in fates]
            yield kind, sides, both

    def _errors(self, fates: list[Fates], sides: list[Judged]) -> Iterator[tuple[str, list[Judged], Flows]]:
        """What becomes of the error that tells the sender of a flow that both sides let pass that nobody takes it."""
        both = sides[0].passed & sides[1].passed
        if both != self._space.none:
            back = [
                walk.packets(_then(one.passed, ERROR, both, self._space)) for walk, one in zip(self._walks, fates, strict=True)
            ]
            yield ERROR, [self._judged(one) for one in back], both

    def _judged(self, fates: Fates) -> Judged:
        return judged(self._space, fates, self._stage.own)

    def _told(self, kind: str, sides: list[Judged], among: Flows, aspects: Collection[Aspect]) -> Iterator[_Found]:
        for region in regions(self._space, sides[0], sides[1], among, aspects=aspects):
            yield _Found(kind, region)

    def _but_for(self) -> Mapping[str, int]:
        """Kinds of condition that nobody reads, with the number of rules of the side that has more of them."""
        counts: list[Counter[str]] = []
        for chains in self._sides:
            unread = (
                {said for said in rule.partly.unread if not is_read(said)} for rule in rules_of(chains, self._space.family)
            )
            counts.append(Counter(name for some in unread for name in {_name(said) for said in some}))
        return dict(sorted((counts[0] | counts[1]).items()))


def _name(said: str) -> str:
    """The match that a condition is of, or its option."""
    return said.removeprefix("! ").split(" ")[0].lstrip("-")


def _protocols(services: Sequence[str]) -> str:
    return services[0] if len(services[0]) < _LONG else "other protocols"


def _merged(found: Iterable[_Found]) -> list[_Found]:
    """One for each pair: a bare segment that is treated as other packets are is no case of its own."""
    merged: dict[object, _Found] = {}
    for kind, region in found:
        first = NEW if kind == INVALID else kind
        key = (first, region.aspect, region.led, region.old.by.said, region.old.outcome, region.new.by.said, region.new.outcome)
        known = merged.get(key)
        flows = region.flows if known is None else known.region.flows | region.flows
        merged[key] = _Found(kind if known is None else known.kind, region._replace(flows=flows))
    return list(merged.values())


def _then(passed: Packets, kind: str, both: Flows, space: Space) -> Packets:
    found: Packets = {}
    for now, flows in passed.items():
        some = flows & both
        if some != space.none:
            then = now.then(kind)
            found[then] = found[then] | some if then in found else some
    return found


def _decision(decided: Decided, kind: str) -> Decision:
    return Decision(f"{_IN_WORDS[kind]}{decided.outcome}", decided.by.place)


def _interfaces(stage: Stage, sides: tuple[Chains, Chains]) -> Iterator[str]:
    """Those of the node, and others that rules name: what enters by these cannot be sent, but is told apart."""
    yield from stage.own
    for chains in sides:
        for rule in rules_of(chains, stage.family):
            for asked in rule.partly.asked:
                if asked.field in (ENTERED, LEFT):
                    yield from (str(name) for name in asked.values if str(name)[-1:] not in ("+", "*"))


def _is_native(chains: Chains, family: int) -> bool:
    return any(rule.is_native for rule in rules_of(chains, family))
