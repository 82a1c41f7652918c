"""A change file as frozen models: which policies become which, what that is for, and what must hold afterwards."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, PrivateAttr, WithJsonSchema, model_validator

from lab.errors import InputError, Problem, Where
from lab.written.fields import WRITTEN, Date, Ends, ServiceTexts
from lab.written.matrix import Row
from lab.written.messages import did_you_mean
from lab.written.policy import APolicy, PolicySpec
from lab.written.words import Name, OneOrSeveral, Text, one_or_several, text_of
from lab.written.yaml_source import Document

APPLIES = ("restore", "script", "flush-first", "boot")
ENDS = ("confirmed", "rolled-back", "refused", "locked-out")
_DURATION = r"^[1-9][0-9]{0,5}[smh]$"
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_APPLY_FORM = f"it is written {', '.join(APPLIES)}, or {{run: [COMMAND, ARGUMENT]}}"


@dataclass(frozen=True, slots=True)
class Apply:
    """How the new rules are put in place: one of `APPLIES`, or ``run``, a team's own command, which no shell reads."""

    how: str
    run: tuple[str, ...] = ()


class Admin(BaseModel):
    """The flow by which the change is made, which it must not cut."""

    model_config = WRITTEN

    sender: Ends = Field(alias="from", description="as `from` of a row")
    target: Ends = Field(alias="to", description="as `to` of a row")
    service: ServiceTexts = Field(description="as `service` of a row")


def _apply(value: object) -> Apply:
    if isinstance(value, Apply):
        return value
    if isinstance(value, Mapping):
        if tuple(value) != ("run",):
            raise ValueError(_APPLY_FORM)
        run = value["run"] if isinstance(value["run"], list) else [value["run"]]
        return Apply("run", tuple(map(_word, run))) if run else _no_command()
    if isinstance(value, list):
        raise ValueError(_APPLY_FORM)
    if (text := text_of(value)) not in APPLIES:
        raise ValueError(f"{text!r} is no way to apply rules\n{did_you_mean(text, APPLIES)}")
    return Apply(text)


def _word(value: object) -> str:
    if "\0" in (text := text_of(value)):
        raise ValueError(f"{text!r} has a null character, which no command can be told")
    return text


def _no_command() -> Apply:
    raise ValueError("`run` names no command")


def _seconds(value: object) -> int:
    """A time in whole seconds, of ``60s``, ``5m`` or ``1h``."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f"{value} of what? write {value}s, {value}m or {value}h")
    text = text_of(value)
    if not re.fullmatch(_DURATION, text):
        raise ValueError(f"{text!r} is not a time: write it as 60s, 5m or 1h")
    return int(text[:-1]) * _SECONDS[text[-1]]


def _end(value: object) -> str:
    if (text := text_of(value)) not in ENDS:
        raise ValueError(f"{text!r} is no way in which a rehearsal ends\n{did_you_mean(text, ENDS)}")
    return text


_TEXT: dict[str, object] = {"type": "string"}
_APPLY: dict[str, object] = {
    "anyOf": [
        {"enum": list(APPLIES)},
        {
            "type": "object",
            "properties": {"run": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}},
            "required": ["run"],
            "additionalProperties": False,
        },
    ]
}
AnApply = Annotated[Apply, PlainValidator(_apply), WithJsonSchema(_APPLY)]
AnEnd = Annotated[str, PlainValidator(_end), WithJsonSchema({"enum": list(ENDS)})]
Seconds = Annotated[int, PlainValidator(_seconds), WithJsonSchema({"type": "string", "pattern": _DURATION})]


class Window(BaseModel):
    """How the change is made, and when it is taken back: what a rehearsal of it needs."""

    model_config = WRITTEN

    apply: AnApply = Field(
        default=Apply("restore"), description="restore, script, flush-first, boot, or {run: [COMMAND, ARGUMENT]}"
    )
    admin: Admin | None = Field(default=None, description="{from, to, service}: the flow that the change is made by")
    rollback_after: Seconds | None = Field(
        default=None, alias="rollback-after", description="60s, 5m, 1h: the old rules come back unless it is confirmed by then"
    )
    ends: AnEnd = Field(
        default="confirmed", description="how a rehearsal is to end: confirmed, rolled-back, refused (the load), locked-out"
    )
    breaks: bool = Field(default=False, description="true: it is known that packets are stopped meanwhile, or flows end")
    opens: bool = Field(default=False, description="true: it is known that packets get through meanwhile that should not")


class Change(BaseModel):
    """A change: which policies become which, the rows that it is for, and the matrices that must hold afterwards.

    Without ``old`` the old side is what ``new`` names in the revision ``rev``, or what the twin's hosts hold.
    """

    model_config = WRITTEN | ConfigDict(title="Change of netfilter-lab")

    change: Name = Field(description="the change's name: its ticket")
    about: Text = Field(default="", description="one sentence on what it is for")
    owner: Text | None = Field(default=None, description="who answers for it")
    review: Date | None = Field(default=None, description='by when it is to be looked at again: "2027-01-31"')
    topology: Text | None = Field(default=None, description="the topology's name")
    twin: Text | None = Field(default=None, description="in place of a topology: a snapshot or dump of a real host")
    old: dict[Name, APolicy] | None = Field(default=None, description="{NODE: POLICY} as it is")
    rev: Text | None = Field(default=None, description="in place of `old`: the revision of git that has the old policies")
    new: dict[Name, APolicy] = Field(description="{NODE: POLICY} as it will be")
    intends: Annotated[tuple[Row, ...], BeforeValidator(one_or_several), OneOrSeveral()] = Field(
        default=(), description="rows that do not hold before, and hold afterwards"
    )
    holds: Annotated[tuple[Text, ...], BeforeValidator(one_or_several), OneOrSeveral()] = Field(
        default=(), description="matrices that must hold afterwards"
    )
    window: Window | None = Field(default=None, description="how it is made, for a rehearsal")

    _document: Document | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _one_of_each(self) -> Change:
        if self.topology is None and self.twin is None:
            raise ValueError("it says no network\nwrite topology: NAME, or twin: FILE")
        if self.topology is not None and self.twin is not None:
            raise ValueError("`topology` and `twin` are two networks\nwrite one of them")
        if self.old is not None and self.rev is not None:
            raise ValueError("`old` and `rev` both say what the old side is\nwrite one of them")
        if self.old is None and self.rev is None and self.twin is None:
            raise ValueError("it says no old side\nwrite old: {NODE: POLICY}, or rev: REVISION")
        if not self.new:
            raise ValueError("`new` gives no node a policy\nwrite new: {NODE: POLICY}")
        return self

    def remember(self, document: Document) -> None:
        """Keep the file that this was read from, for messages."""
        self._document = document

    def where(self, *path: str | int, key: bool = False) -> Where:
        """The place in the file of a part (``"intends", 3, "from"``); without a file, the change's name."""
        return self._document.where(*path, key=key) if self._document else Where(f"change {self.change}")

    def said_window(self) -> Window:
        """How it is made; raises InputError where the file does not say."""
        if self.window is None:
            mend = "window: {apply: restore, admin: {from: …, to: …, service: tcp/22}, rollback-after: 60s}"
            raise InputError(Problem(f"{self.change} does not say how it is made", self.where(), mend))
        return self.window

    @property
    def policies(self) -> Mapping[str, PolicySpec]:
        """What each node has afterwards: a node that ``old`` alone names keeps what it has."""
        return {**(self.old or {}), **self.new}
