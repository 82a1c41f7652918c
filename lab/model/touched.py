"""The flows that may meet a rule which only one of two rulesets has: all others both treat the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lab.model import deeds
from lab.model.align import Changed
from lab.model.diagrams import LEFT, Flows, Space
from lab.model.now import ANSWER, ERROR, FOLLOWS, INVALID, NEW, RELATED, Now
from lab.model.walk import CONNTRACK, Step, Walk
from lab.ruleset.held import ChainKey, HeldChain

_KINDS = (NEW, INVALID, ANSWER, FOLLOWS, RELATED, ERROR)
_MOST = 20_000  # conditions that are looked at; beyond, walking all flows costs less


def touched(space: Space, walks: Sequence[Walk], changed: Changed) -> Flows:
    """The flows of which a packet may match a changed rule of one of the walks, whatever it was translated to before."""
    if not changed.rules and not changed.chains:
        return space.none
    any_packet = Now(NEW, seen=True, mark=None, ct_mark=None, loose=True)
    translated = [(None, space.all), *_translated(walks, any_packet)]
    nows = [now for kind in _KINDS for now in _may_be(any_packet._replace(kind=kind), walks)]
    if len(changed.rules) * len(nows) * len(translated) > _MOST or any(_is_base(walks, key) for key in changed.chains):
        return space.all
    found = space.none
    for walk in walks:
        search = _Search(space, walk, changed)
        for now in nows:
            for given, among in translated:
                then = now if given is None else now._replace(to=given.to, to_port=given.to_port)
                found = found | (among & search.met(then))
    return space.bound(space.without(found, [LEFT]))


def _may_be(now: Now, walks: Iterable[Walk]) -> Iterable[Now]:
    """What conntrack may say of a packet at any place where rules are asked."""
    yield now
    bases = [chain for walk in walks for some in walk.bases.values() for chain in some]
    if any(chain.priority is None or chain.priority <= CONNTRACK for chain in bases):
        yield now._replace(seen=False)
    if now.is_answer:  # as long as it is sent to what a source was translated to
        shown = {step.deed.translation.said for walk in walks for chain in walk.chains.values() for step in walk.steps(chain)
                 if step.deed.verdict == deeds.SOURCE and step.deed.translation is not None}  # fmt: skip
        yield from (now._replace(shown=said, masked=True) for said in sorted(shown))
    if any(step.deed.untracks for walk in walks for chain in walk.chains.values() for step in walk.steps(chain)):
        yield now._replace(tracked=False)
        yield now._replace(flow_tracked=False)


def _is_base(walks: Iterable[Walk], key: ChainKey) -> bool:
    return any(key in walk.chains and walk.chains[key].hook is not None for walk in walks)


def _translated(walks: Iterable[Walk], now: Now) -> Iterable[tuple[Now | None, Flows]]:
    """What destinations may become, and the flows that may be translated so."""
    for walk in walks:
        for chain in walk.chains.values():
            for step in walk.steps(chain):
                if step.deed.verdict == deeds.DESTINATION:
                    flows = walk.matches(step, now, walk.space.all)
                    for then, part in walk.translated(now, step.deed, flows):
                        yield then, walk.space.without(part, [LEFT])


class _Search:
    """Looks for the packets that meet a changed rule of one side."""

    def __init__(self, space: Space, walk: Walk, changed: Changed) -> None:
        self._space, self._walk, self._chains = space, walk, changed.chains
        self._leading: dict[ChainKey, list[tuple[HeldChain, Step]]] = {}
        wanted = {id(rule) for rule in changed.rules}
        self._wanted: list[tuple[HeldChain, Step]] = []
        for chain in walk.chains.values():
            for step in walk.steps(chain):
                if id(step.rule) in wanted:
                    self._wanted.append((chain, step))
                for name in step.rule.jump_to:
                    self._leading.setdefault((chain.family, chain.table, name), []).append((chain, step))

    def met(self, now: Now) -> Flows:
        """The flows whose packet may meet one of them, as far as the rules say that lead there."""
        known: dict[ChainKey, Flows] = {}
        found = [self._walk.matches(step, now, self._come(chain, now, known)) for chain, step in self._wanted]
        found += [self._come(self._walk.chains[key], now, known) for key in self._chains if key in self._walk.chains]
        return self._space.any(found)

    def _come(self, chain: HeldChain, now: Now, known: dict[ChainKey, Flows]) -> Flows:
        """The flows that may come to a chain."""
        if chain.hook is not None:
            return self._space.all
        found = known.get(chain.key)
        if found is None:
            known[chain.key] = self._space.none  # the kernel refuses chains that lead round in a circle
            found = known[chain.key] = self._space.any([
                self._walk.matches(step, now, self._come(before, now, known))
                for before, step in self._leading.get(chain.key, ())
            ])
        return found
