"""A rule that would have accepted what a goto led to another chain, which denied it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.path import End
from lab.ruleset.effects import ACCEPTS, DENIES
from lab.why.ahead import coming
from lab.why.case import Case
from lab.why.near_misses import met_in
from lab.why.walk import bases
from lab.why.weight import weight
from lab.why.wording import named, place, text_of, unnamed

_ZONE = re.compile(r"(?:filter_IN|filter_FWD|IN|FWD[IO]?)_([\w-]+)\Z")  # how firewalld names the chains of a zone


def sent_elsewhere(case: Case) -> Iterator[Hint]:
    """The accept that the packet did not come to, since a goto before it does not come back (nft(8), iptables(8))."""
    path = case.verdict.path[-1] if case.verdict.path else None
    if not case.should_pass or path is None or path.end is not End.DROPPED or path.dropped_by is None:
        return
    chains = case.chains(path.node)
    walked = bases(path, chains)
    if not walked or walked[-1].decided != path.dropped_by:
        return
    met = met_in(case, path, walked[-1])
    for step in path.steps[walked[-1].first:]:
        how, _, to = step.verdict.partition(" ")
        if how != "goto" or step.rule is None or step.rule.number is None:
            continue
        chain = chains[step.rule.family, step.table, step.chain]
        sender = chain.rules[step.rule.number - 1]
        found = next(coming(chains, [(chain, sender.number)], met), None)
        if found is None or found.effect != ACCEPTS or DENIES in found.doubts:
            continue
        if max(map(weight, (found.rule, *found.by))) < 1:
            continue
        did = "rejected" if path.dropped_by.rejects else "dropped"
        yield Hint(
            f"{named(path.node, found.rule)} would accept it, but {place(sender)} (`{text_of(sender.text)}`) sent it to {to} "
            f"before that, where {unnamed(path.dropped_by)} {did} it",
            f"accept it in {to}{_zone(step.table, to)} too, ahead of what denies it there, "
            f"or let {place(sender)} not send it there",
        )
        return


def _zone(table: str, chain: str) -> str:
    found = _ZONE.match(chain) if table == "firewalld" else None
    return f" (firewalld's zone {found[1]})" if found else ""
