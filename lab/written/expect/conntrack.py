"""``conntrack``: what the flow's entry at the node under test must say before anything is closed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field, PlainValidator, WithJsonSchema

from lab.record.observation import Conntrack
from lab.record.verdict import Verdict
from lab.written.expect.example import Example
from lab.written.expect.key import About, Key, Witnessed
from lab.written.fields import WRITTEN, Mark
from lab.written.messages import did_you_mean
from lab.written.words import text_of

if TYPE_CHECKING:
    from lab.written.cell import Cell

_STATES = (
    "NEW",
    "ESTABLISHED",
    "NONE",
    "SYN_SENT",
    "SYN_SENT2",
    "SYN_RECV",
    "FIN_WAIT",
    "CLOSE_WAIT",
    "LAST_ACK",
    "TIME_WAIT",
    "CLOSE",
)


def _state(value: object) -> str:
    text = text_of(value).upper()
    if text not in _STATES:
        raise ValueError(f"{text!r} is not a state of conntrack\n{did_you_mean(text, _STATES)}")
    return text


State = Annotated[str, PlainValidator(_state), WithJsonSchema({"enum": list(_STATES)})]


class ConntrackSpec(BaseModel):
    """What the flow's conntrack entry at the node under test must say."""

    model_config = WRITTEN

    state: State | None = Field(default=None, description="ESTABLISHED, SYN_SENT, …")
    assured: bool | None = Field(default=None, description="whether it is ASSURED")
    mark: Mark | None = Field(default=None, description="the connection's mark")


def _entry(cell: Cell, verdict: Verdict) -> Conntrack | None:
    return next((entry for entry in verdict.observation.conntrack if entry.node == cell.at), None)


def _differences(wanted: ConntrackSpec, entry: Conntrack | None, cell: Cell) -> Iterator[str]:
    if entry is None:
        yield f"must have a conntrack entry at {cell.at}, but has none"
        return
    if wanted.state is not None and wanted.state != entry.state:
        yield f"conntrack state must be {wanted.state}, but is {entry.state}"
    if wanted.assured is not None and wanted.assured != ("ASSURED" in entry.status):
        yield f"conntrack must {'' if wanted.assured else 'not '}be ASSURED, but its status is {' '.join(entry.status)}"
    if wanted.mark is not None and wanted.mark != entry.mark:
        yield f"conntrack mark must be {wanted.mark}, but is {entry.mark}"


CONNTRACK: Key[ConntrackSpec] = Key(
    "conntrack",
    ConntrackSpec | None,
    "what the connection's entry must say",
    about=About.PASSING,
    witnessed=Witnessed(_entry, _differences),
    green=Example({"state": "ESTABLISHED", "assured": True, "mark": 5}),
    red=Example({"state": "syn_sent", "assured": True}, "conntrack state must be SYN_SENT, but is ESTABLISHED"),
)
