"""``rule``: the rule that must decide at the node under test, by its comment or its place."""

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


def _decided(_cell: Cell, verdict: Verdict) -> Rule | None:
    return verdict.rule


def _differences(wanted: str, decided: Rule | None, cell: Cell) -> Iterator[str]:
    if decided is None:
        yield f"must be decided by rule {wanted}, but no rule of {cell.at} decided"
    elif wanted not in (decided.comment, decided.place):
        yield f"must be decided by rule {wanted}, but was by {decided}"


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
