"""Who sent a packet to the chain that denied it, or that accepted what was to be denied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from lab.record.hint import Hint
from lab.record.path import Rule
from lab.ruleset.held import rules_of
from lab.verdict.deciding import deciding_rule
from lab.why.case import Case
from lab.why.wording import with_text


def sent_there(case: Case) -> Iterator[Hint]:
    """The rule that sent it to a chain whose rule then denied it, as many rules may."""
    if not case.should_pass:
        yield from _to_an_accept(case)
    for path in case.verdict.path:
        by = path.dropped_by
        if by is not None and path.sent_by and _is_shared(case, by):
            how = "rejected" if by.rejects else "dropped"
            yield Hint(f"sent to {by.chain}, which {how} it, by {with_text(path.sent_by[-1])}")


def _to_an_accept(case: Case) -> Iterator[Hint]:
    """The same of the chain whose rule accepted it."""
    path = next((one for one in reversed(case.verdict.path) if one.node == case.at), None)
    by = deciding_rule(path) if path is not None and not case.verdict.denied else None
    if path is None or by is None or by.number is None or not _is_shared(case, by):
        return
    steps = next(path.steps[: number + 1] for number, step in enumerate(path.steps) if step.rule == by)
    senders = replace(path, steps=steps).sent_by
    if senders:
        yield Hint(f"sent to {by.chain}, which accepted it, by {with_text(senders[-1])}")


def _is_shared(case: Case, by: Rule) -> bool:
    """Whether more than one rule leads to the chain: where it is one alone, the chain's name says it all."""
    leading = (rule for rule in rules_of(case.chains(by.node)) if by.chain in rule.jump_to and rule.table == by.table)
    return len([*islice(leading, 2)]) > 1
