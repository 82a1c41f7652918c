"""``logged``: the prefix of a LOG or NFLOG rule that the request's first packet must match."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab.record.path import rules_on
from lab.record.verdict import Verdict
from lab.written.expect.example import Example
from lab.written.expect.key import Key, Witnessed
from lab.written.words import Text

if TYPE_CHECKING:
    from lab.written.cell import Cell


def _prefixes(_cell: Cell, verdict: Verdict) -> tuple[str, ...]:
    return tuple(rule.log_prefix for rule in rules_on(verdict.path) if rule.log_prefix is not None)


def _differences(wanted: str, seen: tuple[str, ...], _cell: Cell) -> Iterator[str]:
    if wanted not in seen:
        others = f"; it met the prefixes {', '.join(map(repr, seen))}" if seen else ""
        yield f"must be logged with prefix {wanted!r}, but met no such LOG or NFLOG rule{others}"


LOGGED: Key[str] = Key(
    "logged",
    Text | None,
    "the prefix of the LOG or NFLOG rule that it must meet",
    in_default=True,
    witnessed=Witnessed(_prefixes, _differences),
    green=Example("web "),
    red=Example("web", "must be logged with prefix 'web', but met no such LOG or NFLOG rule; it met the prefixes 'web '"),
)
