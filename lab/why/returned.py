"""What stands behind a RETURN, a goto, an ACCEPT of nat: rules that a packet never came to."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.path import End, Path
from lab.ruleset.effects import ACCEPTS, DENIES, TRANSLATES
from lab.ruleset.held import Chains, HeldChain, HeldRule
from lab.why.ahead import Coming, coming
from lab.why.case import Case
from lab.why.near_misses import does, met_in, misses_its_source
from lab.why.walk import Base, bases
from lab.why.weight import weight
from lab.why.wording import named, place

_PASSED = (End.LEFT, End.DELIVERED)
_LITTLE = 2


def returned(case: Case) -> Iterator[Hint]:
    """The rule behind such a one that would have done what was expected."""
    for path in case.verdict.path:
        if path.node != case.at and path is not case.verdict.path[-1]:
            continue
        chains = case.chains(path.node)
        for base in bases(path, chains) if chains else ():
            yield from _behind(case, path, base, chains)


def _behind(case: Case, path: Path, base: Base, chains: Chains) -> Iterator[Hint]:
    wanted = _wanted(case, path, base)
    for rule, chain in _ends(base, wanted):
        found = next(coming(chains, [(chain, rule.number)], met_in(case, path, base)), None)
        if found is None or found.effect != wanted or found.doubts:
            continue
        if wanted != DENIES or _means_it(found):
            yield Hint(
                f"{named(path.node, found.rule)} would {does(found.rule)} it, but stands after {place(rule)}, "
                f"{_how(rule, chain)}",
                f"put {'a rule like it' if found.by else 'it'} before {place(rule)}",
            )
            return


def _ends(base: Base, wanted: str | None) -> Iterator[tuple[HeldRule, HeldChain]]:
    """The rules behind which it saw no more of their chain; of nat those as well that let it be."""
    if wanted is None:
        return
    yield from base.returned
    decided = base.decided
    if wanted == TRANSLATES and decided is not None and decided.number is not None and base.verdict == "accept":
        chain = base.frames[-1].chain
        yield chain.rules[decided.number - 1], chain


def _how(rule: HeldRule, chain: HeldChain) -> str:
    if rule.effect == ACCEPTS:
        return "which let it be"
    return f"which sent it to {rule.jump_to[0]} for good" if rule.goto else f"which sent it back out of {chain.name}"


def _wanted(case: Case, path: Path, base: Base) -> str | None:
    """What a rule of this base chain should have done with the packet; None where it did what it should."""
    if base.kind == "nat":
        translated = base.decided is not None and base.decided.translates is not None
        late = base.hook == "postrouting" and not misses_its_source(case, path)
        return None if translated or late or not case.should_pass else TRANSLATES
    if base.kind != "filter":
        return None
    if case.should_pass:
        return ACCEPTS if path.dropped_by is not None and base.decided == path.dropped_by else None
    return DENIES if path.end in _PASSED and not case.verdict.denied else None


def _means_it(found: Coming) -> bool:
    """Whether it, or a rule that leads to it, asks for a port or an address: who is sent back is spared from all the rest."""
    return max(map(weight, (found.rule, *found.by))) >= _LITTLE
