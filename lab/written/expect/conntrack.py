"""``conntrack``: what the flow's entry at the node under test must say before anything is closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from lab.record.observation import Conntrack
from lab.record.packet import Packet
from lab.record.verdict import Verdict
from lab.written.expect.example import Example
from lab.written.expect.key import About, Key, Witnessed
from lab.written.fields import WRITTEN, Mark
from lab.written.interface import STRICT
from lab.written.messages import did_you_mean
from lab.written.words import Text, one_or_more, one_or_several, several, text_of

if TYPE_CHECKING:
    from lab.written.cell import Cell

UNTRACKED = "UNTRACKED"
_STATES = (
    "NEW",
    "ESTABLISHED",
    "RELATED",
    UNTRACKED,
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
_STATUS = ("UNREPLIED", "SEEN_REPLY", "ASSURED", "CONFIRMED", "SRC_NAT", "DST_NAT", "EXPECTED")
_MOST_ZONE, _MOST_LABEL, _LONGEST_S = 65_535, 127, 0xFFFFFFFF


def _word(value: object, words: tuple[str, ...], what: str) -> str:
    text = text_of(value).strip().upper().replace("-", "_").replace(" ", "_")
    if text not in words:
        raise ValueError(f"{text!r} is not a {what} of conntrack\n{did_you_mean(text, words)}")
    return text


def _number(most: int, what: str) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise ValueError(f"{value!r} is not {what}: a number from 0 to {most}")
        return value

    return read


def _schema(most: int) -> dict[str, object]:
    return {"type": "integer", "minimum": 0, "maximum": most}


def _state(value: object) -> str:
    return _word(value, _STATES, "state")


def _status(value: object) -> str:
    return _word(value, _STATUS, "status word")


def _label(value: object) -> int:
    if isinstance(value, str):
        what = f"{value!r} is not a label: write the number of its bit, as connlabel.conf gives it to the name"
        raise ValueError(what)
    return _number(_MOST_LABEL, "a label")(value)


class Seconds(BaseModel):
    """Between how many seconds."""

    model_config = STRICT

    least: Annotated[int, PlainValidator(_number(_LONGEST_S, "seconds")), WithJsonSchema(_schema(_LONGEST_S))] = Field(
        default=0, alias="min", description="no fewer seconds"
    )
    most: Annotated[int, PlainValidator(_number(_LONGEST_S, "seconds")), WithJsonSchema(_schema(_LONGEST_S))] = Field(
        default=_LONGEST_S, alias="max", description="no more seconds"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"min: {self.least} is more than max: {self.most}")
        return self

    def __str__(self) -> str:
        if self.least == self.most:
            return f"{self.least} s"
        if self.most == _LONGEST_S:
            return f"at least {self.least} s"
        return f"{self.least} to {self.most} s" if self.least else f"at most {self.most} s"


def _seconds(value: object) -> object:
    if isinstance(value, (Mapping, Seconds)):
        return value
    number = _number(_LONGEST_S, "a timeout")(value)
    return {"min": number, "max": number}


State = Annotated[str, PlainValidator(_state), WithJsonSchema({"enum": list(_STATES)})]
StatusWord = Annotated[str, PlainValidator(_status), WithJsonSchema({"enum": list(_STATUS)})]
Status = Annotated[tuple[StatusWord, ...], BeforeValidator(one_or_more), several({"enum": list(_STATUS)})]
Zone = Annotated[int, PlainValidator(_number(_MOST_ZONE, "a zone")), WithJsonSchema(_schema(_MOST_ZONE))]
Label = Annotated[int, PlainValidator(_label), WithJsonSchema(_schema(_MOST_LABEL))]
Labels = Annotated[tuple[Label, ...], BeforeValidator(one_or_several), several(_schema(_MOST_LABEL), least=0)]
Timeout = Annotated[Seconds, BeforeValidator(_seconds), WithJsonSchema({"anyOf": [_schema(_LONGEST_S), {
    "type": "object",
    "properties": {"min": _schema(_LONGEST_S), "max": _schema(_LONGEST_S)},
    "additionalProperties": False,
}]})]  # fmt: skip
Entries = Annotated[int, PlainValidator(_number(_LONGEST_S, "a count of entries")), WithJsonSchema(_schema(_LONGEST_S))]


class ConntrackSpec(BaseModel):
    """What the flow's conntrack entry at the node under test must say."""

    model_config = WRITTEN

    state: State | None = Field(default=None, description="ESTABLISHED, SYN_SENT, …; UNTRACKED: it has no entry")
    status: Status = Field(default=(), description="words that it must have: UNREPLIED, SEEN_REPLY, ASSURED, …")
    assured: bool | None = Field(default=None, description="whether it is ASSURED")
    mark: Mark | None = Field(default=None, description="the connection's mark")
    zone: Zone | None = Field(default=None, description="the zone that it is in, be it in one direction alone; 0: in none")
    helper: Text | None = Field(default=None, description="the helper that it has, `ftp`; none: it has none")
    timeout: Timeout | None = Field(default=None, description="seconds until it expires, counted from its last packet")
    labels: Labels | None = Field(default=None, description="the bits of its labels that are set, and no others")
    count: Entries | None = Field(default=None, description="how many flows of its source and protocol the table then holds")

    @model_validator(mode="after")
    def _nothing_of_none(self) -> Self:
        also = [name for name in ConntrackSpec.model_fields if name != "state" and getattr(self, name) not in (None, ())]
        if self.state == UNTRACKED and also:
            raise ValueError(f"an UNTRACKED flow has no entry, of which {' and '.join(f'`{name}:`' for name in also)} could be")
        return self


class _Seen(NamedTuple):
    """The flow's entry, None where it has none; how long after its last packet that was read, at most; how it came by."""

    entry: Conntrack | None
    elapsed_s: float
    came: Packet | None


def _seen(cell: Cell, verdict: Verdict) -> _Seen:
    entry = next((entry for entry in verdict.observation.conntrack if entry.node == cell.at), None)
    came = next((path.entry for path in verdict.observation.request if path.node == cell.at), None)
    return _Seen(entry, verdict.observation.probe_us / 1e6, came)


def _differences(wanted: ConntrackSpec, seen: _Seen, cell: Cell) -> Iterator[str]:
    entry = seen.entry
    if entry is None:
        if wanted.state == UNTRACKED and seen.came is None:
            yield f"must be UNTRACKED at {cell.at}, but did not come by there"
        if wanted.state != UNTRACKED:
            yield f"must have a conntrack entry at {cell.at}, but has none"
        return
    if wanted.state is not None and not _is_in(wanted.state, entry):
        of_answer = wanted.state == UNTRACKED and seen.came is not None and seen.came.source != entry.original.source
        yield f"conntrack state must be {wanted.state}, but is {entry.state}{' by its answer' if of_answer else ''}"
    if missing := [word for word in wanted.status if word not in entry.words]:
        yield f"conntrack status must have {' '.join(missing)}, but is {' '.join(entry.words)}"
    if wanted.assured is not None and wanted.assured != ("ASSURED" in entry.status):
        yield f"conntrack must {'' if wanted.assured else 'not '}be ASSURED, but its status is {' '.join(entry.status)}"
    if wanted.mark is not None and wanted.mark != entry.mark:
        yield f"conntrack mark must be {wanted.mark}, but is {entry.mark}"
    yield from _further(wanted, entry, seen.elapsed_s)


def _further(wanted: ConntrackSpec, entry: Conntrack, elapsed_s: float) -> Iterator[str]:
    if wanted.zone is not None and wanted.zone != entry.zone:
        yield f"conntrack zone must be {wanted.zone}, but is {entry.zone}"
    if wanted.helper is not None and wanted.helper != (entry.helper or "none"):
        yield f"conntrack helper must be {wanted.helper}, but is {entry.helper or 'none'}"
    # what is left is told in whole seconds, and was more by as much as passed since the last packet
    if wanted.timeout is not None and not (
        wanted.timeout.least < entry.timeout_s + 1 + elapsed_s and entry.timeout_s <= wanted.timeout.most
    ):
        yield f"conntrack timeout must be {wanted.timeout}, but {entry.timeout_s} s were left, {elapsed_s:.1f} s later at most"
    if wanted.labels is not None and set(wanted.labels) != set(entry.labels):
        yield f"conntrack labels must be {_bits(wanted.labels)}, but are {_bits(entry.labels)}"
    if wanted.count is not None and wanted.count != entry.of_source:
        found = "not known" if entry.of_source is None else entry.of_source
        yield f"conntrack must hold {wanted.count} of its source's flows, but the count is {found}"


def _is_in(state: str, entry: Conntrack) -> bool:
    """Whether an entry is in a state as rules (``--ctstate``) or, of TCP, ``conntrack -L`` call it."""
    if state == "NEW":
        return "SEEN_REPLY" not in entry.status
    return "EXPECTED" in entry.status if state == "RELATED" else state == entry.state


def _bits(labels: tuple[int, ...]) -> str:
    return ", ".join(map(str, sorted(labels))) or "none"


CONNTRACK: Key[ConntrackSpec] = Key(
    "conntrack",
    ConntrackSpec | None,
    "what the connection's entry must say",
    about=About.PASSING,
    witnessed=Witnessed(_seen, _differences),
    green=Example({"state": "ESTABLISHED", "assured": True, "mark": 5, "zone": 0, "timeout": {"min": 1000}}),
    red=Example({"state": "syn_sent", "assured": True}, "conntrack state must be SYN_SENT, but is ESTABLISHED"),
)
