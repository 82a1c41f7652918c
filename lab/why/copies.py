"""A copy that got past a node which denied the packet."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.path import End, rules_on
from lab.verdict.witnesses import bears_the_same
from lab.why.case import Case
from lab.why.wording import with_text


def copies(case: Case) -> Iterator[Hint]:
    """A rule sent it twice (TEE, ``dup``), and the row does not say that it may."""
    verdict = case.verdict
    if case.should_pass or not verdict.denied or not verdict.passed_node:
        return
    ways = [path for path in verdict.path if path.node == case.at]
    heads = [head for path in ways for head in (path.entry, *(packet for _, packet in path.heads))]
    for rule in (rule for rule in rules_on(ways) if rule.copies):
        for path in verdict.observation.others:
            if path.node == case.at and path.end is End.LEFT and any(bears_the_same(path, head) for head in heads):
                yield Hint(
                    f"{with_text(rule)} copied it, and the copy left {path.node} by {path.out}",
                    "`copied: {to: NODE}` in the row, where that is meant",
                )
                return
