"""The parts of a drill that are told, typed or asked for: answers, injects, ways to mend, stages, and the debrief."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from lab.written.change import Seconds
from lab.written.drill_faults import Commands
from lab.written.drill_places import AKind, APlace
from lab.written.fields import WRITTEN
from lab.written.matrix import Row
from lab.written.messages import did_you_mean
from lab.written.words import Name, OneOrSeveral, Text, one_or_several, text_of

HAPPENINGS = (
    "symptom-is-gone", "contain-is-red", "contain-is-green", "check-is-red", "check-is-green", "first-answer", "wrong-answer",
    "right-answer", "hint-taken", "rebooted",
)  # fmt: skip
"""What may bring an inject, or a stage."""
CLASSES = ("policy", "process", "capacity", "upstream")
"""Where a failure comes from, as a debrief has it."""


class _RowOrName:
    """The pydantic metadata of an item that is a row, or the name of a matrix; a complaint about it has the row's own place."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """What is text is a name, all else a row."""
        return core_schema.no_info_wrap_validator_function(
            lambda value, row: value if isinstance(value, str) else row(value), handler(Row)
        )

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Both forms."""
        return {"anyOf": [{"type": "string", "description": "the name of a matrix"}, handler(core["schema"])]}


def _word(known: tuple[str, ...], what: str) -> Any:
    def one_of(value: object) -> str:
        if (text := text_of(value)) not in known:
            raise ValueError(f"{text!r} is {what}\n{did_you_mean(text, known)}")
        return text

    return PlainValidator(one_of), WithJsonSchema({"enum": list(known)})


Rows = Annotated[tuple[Annotated[Row | str, _RowOrName()], ...], BeforeValidator(one_or_several), OneOrSeveral()]
Texts = Annotated[tuple[Text, ...], BeforeValidator(one_or_several), OneOrSeveral()]
AHappening = Annotated[str, *_word(HAPPENINGS, "nothing that happens in a drill")]
AClass = Annotated[str, *_word(CLASSES, "no class of failures")]


class Answer(BaseModel):
    """A cause, as it is to be named; ``also`` are other places that are as right."""

    model_config = WRITTEN

    place: APlace = Field(description="NODE TABLE:CHAIN, NODE route, NODE sysctl NAME, NODE conntrack, or NODE alone")
    kind: AKind = Field(description="one of the kinds that all drills have")
    also: Annotated[tuple[APlace, ...], BeforeValidator(one_or_several), OneOrSeveral()] = Field(
        default=(), description="other places that are as right"
    )

    @property
    def places(self) -> tuple[str, ...]:
        """Every place that is right."""
        return (self.place, *self.also)

    @property
    def node(self) -> str:
        """The node of the first place, or the network."""
        return self.place.partition(" ")[0]


class Typed(BaseModel):
    """Command lines that are typed at a node's shell; without ``at`` at that of the answer's node."""

    model_config = WRITTEN

    at: Name | None = Field(default=None, description="the node; without it that of the answer")
    type: Commands = Field(description="command lines, as they are typed")


def _typed(value: object) -> object:
    """Lines and mappings, alone or in a list, as a list of mappings."""
    items = value if isinstance(value, (list, tuple)) else (value,)
    return tuple({"type": [one]} if isinstance(one, str) else one for one in items)


_LINES: dict[str, object] = {"type": "string", "description": "a command line, typed at the node of the answer"}


class _Lines:
    """The pydantic metadata of what is typed, for the JSON Schema."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """A line, a mapping, or a list of both."""
        item = {"anyOf": [dict(_LINES), handler(core)["items"]]}
        return {"anyOf": [*item["anyOf"], {"type": "array", "items": item}]}


Typing = Annotated[tuple[Typed, ...], BeforeValidator(_typed), _Lines()]


class Wrong(BaseModel):
    """A mend that is none: it must fail."""

    model_config = WRITTEN

    about: Text = Field(default="", description="what is wrong with it")
    typed: Typing = Field(alias="type", description="command lines, as they are typed")
    at: Name | None = Field(default=None, description="the node; without it that of the answer")

    @property
    def steps(self) -> tuple[Typed, ...]:
        """What is typed where; a step without a node of its own is typed at that of the whole."""
        return tuple(one if one.at else one.model_copy(update={"at": self.at}) for one in self.typed)


def _wrong(value: object) -> object:
    if isinstance(value, Mapping) and not isinstance(value, Wrong):
        return value
    return value if isinstance(value, Wrong) else {"type": value}


_A_WRONG = (BeforeValidator(_wrong),)


class _WrongSchema:
    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        whole = handler(core)
        return {"anyOf": [dict(_LINES), {"type": "array", "items": {"type": ["string", "object"]}, "minItems": 1}, whole]}


AWrong = Annotated[Wrong, *_A_WRONG, _WrongSchema()]


class Inject(BaseModel):
    """Something that players are told meanwhile: at a time of the drill, or when something happens, whichever comes first."""

    model_config = WRITTEN

    at: Seconds | None = Field(default=None, description="10m, 90s: so long after the start")
    when: AHappening | None = Field(default=None, alias="or-when", description="or when this happens")
    text: Text = Field(description="what players are told")
    expected: Text = Field(default="", description="what they are to do about it")
    if_not: Text = Field(default="", alias="if-not", description="what comes if they do not: hint, or a text")

    @model_validator(mode="after")
    def _some_time(self) -> Inject:
        if self.at is None and self.when is None:
            raise ValueError("an inject that nothing brings\nwrite at: 10m, or or-when: contain-is-red")
        return self


class Improvements(BaseModel):
    """One improvement each; its owner and date are filled in by the team."""

    model_config = WRITTEN

    runbook: Text = Field(default="", description="what the runbook should say")
    hygiene: Text = Field(default="", description="what should be tidied up, and kept so")
    monitoring: Text = Field(default="", description="what should have told before customers did")


class Debrief(BaseModel):
    """What the drill teaches, for the report afterwards."""

    model_config = WRITTEN

    failure: AClass = Field(alias="class", description="policy, process, capacity or upstream")
    cause: Text = Field(default="", description="the cause in a sentence")
    long_term: Text = Field(default="", alias="long-term", description="what mends it for good")
    contained_by: Text = Field(default="", alias="contained-by", description="what contains it meanwhile")
    row: Row | None = Field(default=None, description="the row of a matrix that would have caught it")
    improvements: Improvements = Field(default=Improvements(), description="{runbook, hygiene, monitoring}")


class Stage(BaseModel):
    """A part of a drill that begins when what came before it is done: other rows are to hold from then on."""

    model_config = WRITTEN

    stage: Name = Field(description="its name")
    page: Text = Field(description="what players are told when it begins")
    after: AHappening = Field(default="check-is-green", description="what must have happened before")
    check: Rows = Field(default=(), description="rows, or names of matrices, that must be green then")
    kept: Rows = Field(default=(), description="rows, or names of matrices, that must have stayed green")
    fix: Typing = Field(default=(), description="what the reference types")

