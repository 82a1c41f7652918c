"""Who sent a packet to the chain that denied it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from lab.record.hint import Hint
from lab.record.path import Rule
from lab.ruleset.held import rules_of
from lab.why.case import Case
from lab.why.wording import with_text


def sent_there(case: Case) -> Iterator[Hint]:
    """The rule that sent it to a chain whose rule then denied it, as many rules may."""
    for path in case.verdict.path:
        by = path.dropped_by
        if by is not None and path.sent_by and _is_shared(case, by):
            how = "rejected" if by.rejects else "dropped"
            yield Hint(f"sent to {by.chain}, which {how} it, by {with_text(path.sent_by[-1])}")


def _is_shared(case: Case, by: Rule) -> bool:
    """Whether more than one rule leads to the chain: where it is one alone, the chain's name says it all."""
    leading = (rule for rule in rules_of(case.chains(by.node)) if by.chain in rule.jump_to and rule.table == by.table)
    return len([*islice(leading, 2)]) > 1
