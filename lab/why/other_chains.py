"""Accepted in one base chain, dropped in another of the same hook."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.path import End
from lab.why.case import Case
from lab.why.walk import Base, bases
from lab.why.wording import unnamed


def other_chains(case: Case) -> Iterator[Hint]:
    """The rule that accepted what another base chain then dropped: an accept ends its own base chain only (nft(8))."""
    path = case.verdict.path[-1] if case.verdict.path else None
    if not case.should_pass or path is None or path.end is not End.DROPPED:
        return
    walked = bases(path, case.chains(path.node))
    if not walked or path.dropped_by is None or walked[-1].decided != path.dropped_by:
        return
    last = walked[-1]
    for base in reversed(walked[:-1]):
        rule = base.decided
        accepted = base.verdict == "accept" and rule is not None and rule.number is not None
        if accepted and base.hook == last.hook and base.kind == last.kind == "filter":
            how = "rejected" if path.dropped_by.rejects else "dropped"
            by = unnamed(path.dropped_by)
            yield Hint(
                f"accepted by {rule}, then {how} by {by}: an accept ends its own base chain only",
                f"accept it in {_named(last)} too",
            )
            return


def _named(base: Base) -> str:
    chain = base.chain
    tool = "iptables" if chain.rules and not chain.rules[0].is_native else f"table {chain.family} {chain.table}"
    return f"{chain.name} of {tool}"
