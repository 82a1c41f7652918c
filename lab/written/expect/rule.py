"""``rule``: the rule that must decide at the node under test, by its comment or its place.

A packet that a chain denies which many rules lead to was decided by the one that led it there as well: it may be named too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab.record.path import Rule
from lab.record.verdict import Verdict
from lab.written.expect.example import Example
from lab.written.expect.key import Key, Witnessed
from lab.written.words import Text

if TYPE_CHECKING:
    from lab.written.cell import Cell


def _decided(_cell: Cell, verdict: Verdict) -> tuple[Rule, ...]:
    """The deciding rule, and before it those that sent the packet to a chain that denied it."""
    if verdict.rule is None:
        return ()
    denied = (path.sent_by for path in verdict.path if path.dropped_by == verdict.rule)
    return (*next(denied, ()), verdict.rule)


def _differences(wanted: str, decided: tuple[Rule, ...], cell: Cell) -> Iterator[str]:
    if not decided:
        yield f"must be decided by rule {wanted}, but no rule of {cell.at} decided"
    elif not any(rule.is_called(wanted) for rule in decided):
        yield f"must be decided by rule {wanted}, but was by {decided[-1]}"


RULE: Key[str] = Key(
    "rule",
    Text | None,
    "the deciding rule: its comment, or filter:FORWARD:3",
    in_default=True,
    witnessed=Witnessed(_decided, _differences),
    green=Example("publish-web"),
    red=Example(
        "filter:FORWARD:3", "must be decided by rule filter:FORWARD:3, but was by gateway filter:FORWARD:2 (publish-web)"
    ),
)
