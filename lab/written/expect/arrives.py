"""``arrives``: what the receiver must see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from lab.record.observation import Arrival
from lab.record.verdict import Verdict
from lab.written.expect.example import Example
from lab.written.expect.key import About, Key, Witnessed, Words
from lab.written.fields import Port
from lab.written.interface import STRICT
from lab.written.words import NAME_SCHEMA, Name, Text, one_or_more, several

if TYPE_CHECKING:
    from lab.written.cell import Cell

_KEPT = "kept"


class ArrivesSpec(BaseModel):
    """What the receiver must see."""

    model_config = ConfigDict(**STRICT, populate_by_name=True)

    at: Annotated[tuple[Name, ...], BeforeValidator(one_or_more), several(NAME_SCHEMA)] = Field(
        default=(), description="the node that it arrives at, or several, where one of these is meant"
    )
    address: Text | None = Field(default=None, description="the address that it arrives at, after DNAT")
    port: Port | None = Field(default=None, description="the port that it arrives at, after DNAT")
    source: Text | None = Field(default=None, alias="from", description="an address, a node, or `kept`: no SNAT")


def _resolved(written: ArrivesSpec, words: Words) -> ArrivesSpec:
    """With the addresses that its words stand for in the family."""
    for number, node in enumerate(written.at):
        words.node(node, "at", *([number] if len(written.at) > 1 else []))
    address = _address(written.address, words, "address")
    source = _address(written.source, words, "from")
    return written.model_copy(update={"address": address, "source": source})


def _address(word: str | None, words: Words, key: str) -> str | None:
    return word if word in (None, _KEPT) else words.address(word, key)


def _arrived(_cell: Cell, verdict: Verdict) -> Arrival | None:
    return verdict.arrived


def _differences(wanted: ArrivesSpec, seen: Arrival | None, cell: Cell) -> Iterator[str]:
    if seen is None:
        yield "must be seen by its receiver, but no receiver of the lab saw it"
        return
    source = cell.sender.address if wanted.source == _KEPT else wanted.source
    if wanted.at and seen.at not in wanted.at:
        yield f"must arrive at node {' or '.join(wanted.at)}, but arrived at node {seen.at}"
    for name, must, was in (
        ("at address", wanted.address, seen.address),
        ("at port", wanted.port, seen.port),
        ("from", source, seen.source),
    ):
        if must is not None and must != was:
            yield f"must arrive {name} {must}, but arrived {name} {was}"


ARRIVES: Key[ArrivesSpec] = Key(
    "arrives",
    ArrivesSpec | None,
    "what the receiver must see",
    about=About.PASSING,
    resolved=_resolved,
    witnessed=Witnessed(_arrived, _differences),
    green=Example({"at": "web", "address": "web", "port": 8443, "from": "kept"}),
    red=Example({"at": "web", "port": 443}, "must arrive at port 443, but arrived at port 8443"),
)
