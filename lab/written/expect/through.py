"""``through``: rules that the request's first packet must match on its way, at any node, by their comments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab.record.path import Rule, rules_on
from lab.record.verdict import Verdict
from lab.written.expect.example import Example
from lab.written.expect.key import Key, Witnessed
from lab.written.words import Names

if TYPE_CHECKING:
    from lab.written.cell import Cell


def _met(_cell: Cell, verdict: Verdict) -> tuple[Rule, ...]:
    return rules_on(verdict.path)


def _differences(wanted: tuple[str, ...], rules: tuple[Rule, ...], _cell: Cell) -> Iterator[str]:
    met = {comment for rule in rules for comment in (rule.comment, *rule.further_comments)}
    for comment in wanted:
        if comment not in met:
            yield f"must go through rule {comment}, but did not"


THROUGH: Key[tuple[str, ...]] = Key(
    "through",
    Names,
    "comments of rules that must be on the path, at any node",
    default=(),
    witnessed=Witnessed(_met, _differences),
    green=Example(["dnat-web", "publish-web"]),
    red=Example("dnat-mail", "must go through rule dnat-mail, but did not"),
)
