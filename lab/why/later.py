"""A rule that would have done what was expected, and stands behind the one that decided."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from lab.record.hint import Hint
from lab.record.path import End, Rule
from lab.ruleset.effects import ACCEPTS, DENIES
from lab.why.ahead import Coming, coming
from lab.why.case import Case
from lab.why.near_misses import met_in
from lab.why.walk import Base, bases
from lab.why.wording import named, place, unnamed


def accepts_later(case: Case) -> Iterator[Hint]:
    """The rule that would accept what was dropped before it came there."""
    path = case.verdict.path[-1] if case.verdict.path else None
    if not case.should_pass or path is None or path.end is not End.DROPPED:
        return
    chains = case.chains(path.node)
    walked = bases(path, chains)
    if not walked or path.dropped_by is None or walked[-1].decided != path.dropped_by:
        return
    for found in coming(chains, walked[-1].ahead, met_in(case, path, walked[-1])):
        if found.effect == ACCEPTS and DENIES not in found.doubts:
            by = f", sent there by {place(found.by[0])}" if found.by else ""
            how = "rejected" if path.dropped_by.rejects else "dropped"
            decider = _decider(walked[-1], path.dropped_by)
            yield Hint(
                f"{named(path.node, found.rule)} would accept it{by}, but stands after {decider}, which {how} it",
                earlier(walked[-1], found),
            )
        return


def earlier(base: Base, found: Coming) -> str:
    """What would have to stand where, in the chain that leads to both."""
    decided = base.decided
    first = (*found.by, found.rule)[0]
    for frame, inner in zip_longest(base.frames, base.frames[1:]):
        if frame.chain.name == first.chain and decided is not None:
            sender = inner.sent_by if inner is not None else None
            other = place(sender) if sender is not None else unnamed(decided)
            return f"put {'a rule like it' if found.by else 'it'} before {other}"
    return ""


def _decider(base: Base, decided: Rule) -> str:
    senders = base.senders
    named_here = unnamed(decided)
    return f"{named_here} (sent there by {place(senders[0])})" if senders else named_here

