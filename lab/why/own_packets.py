"""A node's own packets, which pass OUTPUT: what translates them must stand there."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.hint import Hint
from lab.ruleset.effects import TRANSLATES
from lab.why.ahead import coming
from lab.why.case import Case
from lab.why.met import seen
from lab.why.wording import named


def own_packets(case: Case) -> Iterator[Hint]:
    """The rule of PREROUTING that would have translated what a node sent itself, had it come from elsewhere."""
    path = case.verdict.path[0] if case.verdict.path else None
    if not case.should_pass or path is None or path.entered is not None or path.translated_by:
        return
    chains = case.chains(path.node)
    met = seen(case, path, path.entry, "output", states=("NEW",))
    for chain in chains.values():
        if chain.hook != "prerouting" or chain.kind != "nat" or not chain.judges(case.family):
            continue
        found = next(coming(chains, [(chain, 0)], met), None)
        if found is not None and found.effect == TRANSLATES and not found.doubts:
            where = "`-t nat -A OUTPUT`" if not found.rule.is_native else "a chain `type nat hook output`"
            yield Hint(
                f"{named(path.node, found.rule)} would translate it, but what {path.node} sends itself passes OUTPUT, "
                "not PREROUTING",
                f"the same rule in {where}",
            )
            return
