"""What became of the same flows on two sides, compared: one region for each pair of deciding rules and each aspect."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from ipaddress import ip_address
from typing import NamedTuple

from lab.model.deeds import MASQUERADE
from lab.model.diagrams import DESTINATION, DPORT, LEFT, SOURCE, Flows, Space
from lab.model.now import Now
from lab.model.walk import Decider, Fates
from lab.record.difference import Aspect
from lab.ruleset.addresses import Addresses, address_of


class Decided(NamedTuple):
    """Flows of one side whose packet one rule decided, and the outcome."""

    by: Decider
    outcome: str
    flows: Flows


class Judged(NamedTuple):
    """The fates of one side without the interfaces that packets leave by: ``ways`` are those that pass, by these."""

    decided: tuple[Decided, ...]
    passed: Flows
    denied: Flows
    ways: tuple[tuple[Now, str, Flows], ...]
    logs: dict[str, Flows]


class Region(NamedTuple):
    """Flows that are treated differently in one aspect, by this rule before and that one now.

    ``led`` are those that a side gives another destination.
    """

    aspect: Aspect
    old: Decided
    new: Decided
    flows: Flows
    led: bool = False


def judged(space: Space, fates: Fates, own: Mapping[str, Addresses]) -> Judged:
    """What is compared of fates; ``own`` are the node's addresses by interface, of which the first is what masquerades."""
    def bare(flows: Flows) -> Flows:
        return space.without(flows, [LEFT])

    ways = tuple(
        (then, name, part)
        for now, flows in fates.passed.items() for name in space.interfaces
        if (left := flows & space.interface(LEFT, name)) != space.none
        for then, part in _translated(space, _unmasked(space, now, own.get(name, ())), bare(left)) if part != space.none
    )  # fmt: skip
    passed = space.any([flows for _, _, flows in ways])
    denied = [Decided(by, outcome, bare(flows)) for by, outcome, flows in fates.denied]
    accepted = [Decided(by, "accept", bare(flows) & passed) for by, flows in fates.accepted]
    rest = passed & ~space.any([one.flows for one in accepted])
    decided = (*denied, *accepted, Decided(Decider(), "accept", rest))
    return Judged(
        tuple(one for one in decided if one.flows != space.none), passed, space.any([one.flows for one in denied]), ways,
        {prefix: bare(flows) for prefix, flows in fates.logs.items()},
    )  # fmt: skip


def _unmasked(space: Space, now: Now, own: Addresses) -> Now:
    if not own or now.shown != MASQUERADE:
        return now
    return now._replace(shown=str(address_of(own[0][0], space.family)))


def _translated(space: Space, now: Now, flows: Flows) -> Iterator[tuple[Now, Flows]]:
    """The flows by what they were translated to; one that became what it was is as it was."""
    if now.to is not None or now.to_port is not None:
        to = space.all if now.to is None else space.prefix(DESTINATION, *now.to)
        same = flows & to & (space.all if now.to_port is None else space.number(DPORT, now.to_port))
        yield from _translated(space, now._replace(to=None, to_port=None, told=""), same)
        flows = flows & ~same
    if now.shown:
        with suppress(ValueError):
            same = flows & space.number(SOURCE, int(ip_address(now.shown)))
            yield now._replace(shown=""), same
            flows = flows & ~same
    yield now, flows


def regions(space: Space, old: Judged, new: Judged, among: Flows, *, aspects: Collection[Aspect]) -> Iterator[Region]:
    """What differs among flows, the gravest of these aspects for each."""
    left = among
    for aspect, differs in _ASPECTS.items():
        if aspect in aspects:
            different = left & differs(space, old, new)
            if different != space.none:
                left = left & ~different
                led = _led_elsewhere(space, old, new) if aspect is Aspect.ALLOW else space.none
                yield from (one._replace(led=True) for one in _pairs(space, aspect, old, new, different & led))
                yield from _pairs(space, aspect, old, new, different & ~led)


def _led_elsewhere(space: Space, *sides: Judged) -> Flows:
    """What a side gives another destination: what is published is no class together with the server behind it."""
    ways = (way for side in sides for way in side.ways)
    return space.any([flows for now, _, flows in ways if now.to is not None or now.to_port is not None])


def _pairs(space: Space, aspect: Aspect, old: Judged, new: Judged, different: Flows) -> Iterator[Region]:
    found: dict[object, Region] = {}
    befores = [one._replace(flows=flows) for one in old.decided if (flows := one.flows & different) != space.none]
    afters = [one._replace(flows=flows) for one in new.decided if (flows := one.flows & different) != space.none]
    for before in befores:
        for after in afters:
            flows = before.flows & after.flows
            if flows != space.none:
                key = before.by.said, before.outcome, after.by.said, after.outcome
                known = found.get(key, Region(aspect, before, after, space.none))
                found[key] = known._replace(flows=known.flows | flows)
    yield from found.values()


def _allow(_space: Space, old: Judged, new: Judged) -> Flows:
    return (old.passed & new.denied) | (old.denied & new.passed)


def _refusal(space: Space, old: Judged, new: Judged) -> Flows:
    return old.denied & new.denied & ~_alike(
        space, [(one.outcome, one.flows) for one in old.decided if one.outcome != "accept"],
        [(one.outcome, one.flows) for one in new.decided if one.outcome != "accept"],
    )  # fmt: skip


def _passing(says: Callable[[Now, str], object]) -> Callable[[Space, Judged, Judged], Flows]:
    def differs(space: Space, old: Judged, new: Judged) -> Flows:
        return old.passed & new.passed & ~_alike(
            space, [(says(now, name), flows) for now, name, flows in old.ways],
            [(says(now, name), flows) for now, name, flows in new.ways],
        )  # fmt: skip

    return differs


def _logs(space: Space, old: Judged, new: Judged) -> Flows:
    none = space.none
    return space.any([
        (one & ~other) | (other & ~one) for prefix in dict.fromkeys((*old.logs, *new.logs))
        for one, other in ((old.logs.get(prefix, none), new.logs.get(prefix, none)),)
    ])


def _rule(space: Space, old: Judged, new: Judged) -> Flows:
    return (old.passed | old.denied) & (new.passed | new.denied) & ~_alike(
        space, [(one.by.said, one.flows) for one in old.decided], [(one.by.said, one.flows) for one in new.decided]
    )


def _alike(space: Space, old: Iterable[tuple[object, Flows]], new: Iterable[tuple[object, Flows]]) -> Flows:
    """The flows of which both sides say the same."""
    before, after = _by_word(old), _by_word(new)
    return space.any([
        space.any(flows) & space.any(after[word]) for word, flows in before.items() if word in after
    ])


def _by_word(said: Iterable[tuple[object, Flows]]) -> dict[object, list[Flows]]:
    found: dict[object, list[Flows]] = {}
    for word, flows in said:
        found.setdefault(word, []).append(flows)
    return found


_ASPECTS: dict[Aspect, Callable[[Space, Judged, Judged], Flows]] = {
    Aspect.ALLOW: _allow, Aspect.REFUSAL: _refusal,
    Aspect.TRANSLATION: _passing(lambda now, _name: (now.to, now.to_port, now.told if "-" in now.told else "", now.shown)),
    Aspect.WAY: _passing(lambda now, name: (now.mark, name)), Aspect.LOG: _logs, Aspect.RULE: _rule,
}  # fmt: skip
