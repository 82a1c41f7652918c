"""What a host runs, aligned with what its policy says, chain by chain: from rules that both tools print in the same words."""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from lab.record.reconciled import Moved, OtherPolicy, Place, Reconciled, Reworded, Unloaded, Unwritten
from lab.ruleset.held import Chains, HeldChain, HeldRule
from lab.ruleset.ownership import read_ownership
from lab.twin.writers import writer_of

_COMMENT = re.compile(r' -m comment --comment (?:"(?:[^"\\]|\\.)*"|\S+)| comment "[^"]*"')
_OPEN = frozenset(("ACCEPT", "accept", None))


@dataclass(slots=True)
class _Found:
    """What was found so far."""

    today: datetime.date
    same: int = 0
    unwritten: list[Unwritten] = field(default_factory=list)
    unloaded: list[Unloaded] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)
    reworded: list[Reworded] = field(default_factory=list)
    policies: list[OtherPolicy] = field(default_factory=list)


def reconcile(running: Chains, written: Chains, today: datetime.date) -> Reconciled:
    """The differences between the rules that a host runs and those that its policy makes, as the kernel holds both.

    Rules are the same whose texts are, but for their comments.  ``today`` is the day that review dates are held against.
    """
    found = _Found(today)
    for key in dict.fromkeys((*running, *written)):
        mine, theirs = running.get(key), written.get(key)
        found.policies += _policies(key, mine, theirs)
        _align(found, () if mine is None else mine.rules, () if theirs is None else theirs.rules)
    return Reconciled(
        found.same, tuple(found.unwritten), tuple(found.unloaded), tuple(found.moved), tuple(found.reworded),
        tuple(found.policies),
    )  # fmt: skip


def _policies(key: tuple[str, str, str], mine: HeldChain | None, theirs: HeldChain | None) -> Iterator[OtherPolicy]:
    """A base chain that one of both lacks lets packets on, as one with the policy ACCEPT does."""
    running, written = (None if one is None else one.policy for one in (mine, theirs))
    if running != written and not {running, written} <= _OPEN:
        yield OtherPolicy(*key, running, written)


def _align(found: _Found, running: Sequence[HeldRule], written: Sequence[HeldRule]) -> None:
    """Tell the rules of one chain apart: those that stand in the same order in both, those that moved, and those of one."""
    matcher = SequenceMatcher(None, [_bare(rule) for rule in running], [_bare(rule) for rule in written], autojunk=False)
    only_running: list[tuple[HeldRule, HeldRule | None]] = []  # with the written rule that stands before it
    only_written: list[HeldRule] = []
    last: HeldRule | None = None
    for kind, first, end, other, other_end in matcher.get_opcodes():
        if kind == "equal":
            for mine, theirs in zip(running[first:end], written[other:other_end], strict=True):
                _same(found, mine, theirs)
                last = theirs
            continue
        only_running += [(rule, last) for rule in running[first:end]]
        only_written += written[other:other_end]
    elsewhere = defaultdict(list)
    for rule in only_written:
        elsewhere[_bare(rule)].append(rule)
    for rule, before in only_running:
        if there := elsewhere[_bare(rule)]:
            theirs = there.pop(0)
            found.moved.append(Moved(_place(rule), rule.text, theirs.number, theirs.source))
        else:
            found.unwritten.append(_unwritten(rule, before, found.today))
    left = {id(rule) for rules in elsewhere.values() for rule in rules}
    found.unloaded += [Unloaded(_place(rule), rule.text, rule.source) for rule in only_written if id(rule) in left]


def _same(found: _Found, mine: HeldRule, theirs: HeldRule) -> None:
    if mine.comment == theirs.comment:
        found.same += 1
    else:
        found.reworded.append(Reworded(_place(mine), mine.text, mine.comment, theirs.comment, theirs.source))


def _unwritten(rule: HeldRule, before: HeldRule | None, today: datetime.date) -> Unwritten:
    said = read_ownership(rule.comment)
    lacks = tuple(
        name for name, value in (("owner", said.owner), ("ticket", said.ticket), ("date", said.review)) if value is None
    )
    writer = next((name for chain in (rule.chain, *rule.jump_to) if (name := writer_of(chain)) is not None), None)
    return Unwritten(
        _place(rule), rule.text, None if before is None else before.source, writer, said.owner, said.ticket, said.review, lacks,
        overdue=said.review is not None and said.review < today,
    )  # fmt: skip


def _place(rule: HeldRule) -> Place:
    return Place(rule.family, rule.table, rule.chain, rule.number)


def _bare(rule: HeldRule) -> str:
    """The rule without what it says to people."""
    return rule.text if rule.comment is None else _COMMENT.sub("", rule.text)
