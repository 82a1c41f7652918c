"""``copied``: where a copy of the request's first packet must arrive (TEE, ``dup``), or that no rule may copy it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import BaseModel, BeforeValidator, Field

from lab.record.observation import Copy
from lab.record.path import Rule, rules_on
from lab.record.verdict import Verdict
from lab.written.expect.example import Example
from lab.written.expect.key import Key, Witnessed, Words
from lab.written.fields import WRITTEN
from lab.written.words import NAME_SCHEMA, Name, ShortForm, one_or_more, several

if TYPE_CHECKING:
    from lab.written.cell import Cell

_NONE = "none"


class CopiedSpec(BaseModel):
    """Where copies of the packet must arrive; nowhere where no node is named."""

    model_config = WRITTEN

    to: Annotated[tuple[Name, ...], BeforeValidator(one_or_more), several(NAME_SCHEMA)] = Field(
        description="the node that a copy must arrive at, or several, each of which must get one"
    )


class _Copies(NamedTuple):
    seen: tuple[Copy, ...]
    rules: tuple[Rule, ...]


def _in_full(value: object) -> object:
    return CopiedSpec.model_construct(to=()) if value == _NONE else value


def _resolved(written: CopiedSpec, words: Words) -> CopiedSpec:
    for number, node in enumerate(written.to):
        words.node(node, "to", *([number] if len(written.to) > 1 else []))
    return written


def _copies(_cell: Cell, verdict: Verdict) -> _Copies:
    return _Copies(verdict.observation.copies, tuple(rule for rule in rules_on(verdict.path) if rule.copies))


def _differences(wanted: CopiedSpec, found: _Copies, _cell: Cell) -> Iterator[str]:
    by = " and ".join(map(str, found.rules))
    if not wanted.to and found.rules:
        yield f"must not be copied, but {by} copied it"
    for node in wanted.to:
        if not any(copy.at == node for copy in found.seen):
            why = f"{by} copied it to somewhere else" if found.rules else "no rule on its way copied it"
            yield f"must be copied to {node}, but no copy came there: {why}"


COPIED: Key[CopiedSpec] = Key(
    "copied",
    Annotated[CopiedSpec, BeforeValidator(_in_full), ShortForm({"enum": [_NONE]})] | None,
    "where a copy of it must arrive, or none",
    resolved=_resolved,
    witnessed=Witnessed(_copies, _differences),
    green=Example({"to": "sensor"}),
    red=Example(
        {"to": "web"}, "must be copied to web, but no copy came there: gateway mangle:POSTROUTING:1 copied it to somewhere else"
    ),
)
