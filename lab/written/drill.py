"""A drill as frozen models: what is broken, what players are told and must find and mend, and what proves that they did."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, PrivateAttr, WithJsonSchema, model_validator

from lab.errors import Where
from lab.written.drill_faults import Fault
from lab.written.drill_parts import Answer, AWrong, Debrief, Inject, Rows, Stage, Texts, Typed, Typing
from lab.written.drill_places import FAULT_KINDS
from lab.written.fields import WRITTEN
from lab.written.policy import APolicy
from lab.written.words import Name, Names, OneOrSeveral, Text, not_text, one_or_more, one_or_several
from lab.written.yaml_source import Document

__all__ = ("FAULT_KINDS", "PARTS", "Drill")

PARTS = ("symptom", "contain", "check", "kept")
"""The lists of rows that a drill has."""
NOTHING_TO_MEND = ("none", "upstream")
"""Kinds of causes that no command in the lab mends."""
MOST_SEEDS, MOST_SEED = 100, 2**63
MOST_VALUES, MOST_NAMES, LONGEST_VALUE = 100, 50, 1_000
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
Value = str | int | Mapping[str, str | int]


def _scalar(value: object) -> str | int:
    if type(value) is int:
        return value
    if not isinstance(value, str):
        raise ValueError(not_text(value))
    if len(value) > LONGEST_VALUE:
        raise ValueError(f"a value of {len(value):,} characters: at most {LONGEST_VALUE:,} can be chosen")
    return value


def _value(value: object) -> Value:
    if not isinstance(value, Mapping):
        return _scalar(value)
    return {_vary_name(key): _scalar(one) for key, one in value.items()}


def _vary_name(key: object) -> str:
    if not isinstance(key, str) or not _NAME.fullmatch(key) or len(key) > 100:
        raise ValueError(f"{key!r} cannot be named in a text\na name has letters, digits and _ , and begins with a letter")
    return key


def _values(value: object) -> tuple[Value, ...]:
    values = one_or_more(value)
    assert isinstance(values, tuple)
    if len(values) > MOST_VALUES:
        raise ValueError(f"{len(values)} values to choose from: at most {MOST_VALUES}")
    return tuple(map(_value, values))


def _seeds(value: object) -> tuple[int, ...]:
    values = one_or_more(value)
    assert isinstance(values, tuple)
    for one in values:
        if type(one) is not int or not 0 <= one < MOST_SEED:
            raise ValueError(f"{one!r} is no seed: it is a whole number from 0")
    if len(values) > MOST_SEEDS or len(set(values)) < len(values):
        raise ValueError(f"at most {MOST_SEEDS} seeds, each once")
    return values


def _level(value: object) -> int:
    if type(value) is not int or value not in (1, 2, 3):
        raise ValueError(f"{value!r} is no level: 1, 2 or 3")
    return value


def _minutes(value: object) -> int:
    if type(value) is not int or not 1 <= value <= 24 * 60:
        raise ValueError(f"{value!r} is no time in minutes: a whole number belongs here")
    return value


_SCALAR: dict[str, object] = {"type": ["string", "integer"]}
_ONE: dict[str, object] = {"anyOf": [_SCALAR, {"type": "object", "additionalProperties": _SCALAR}]}
_SEED: dict[str, object] = {"type": "integer", "minimum": 0}
VaryName = Annotated[str, PlainValidator(_vary_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"})]
Values = Annotated[
    tuple[Value, ...],
    PlainValidator(_values),
    WithJsonSchema({"anyOf": [*_ONE["anyOf"], {"type": "array", "items": _ONE, "minItems": 1}]}),
]
Seeds = Annotated[
    tuple[int, ...],
    PlainValidator(_seeds),
    WithJsonSchema({"anyOf": [_SEED, {"type": "array", "items": _SEED, "minItems": 1, "maxItems": MOST_SEEDS}]}),
]
Level = Annotated[int, PlainValidator(_level), WithJsonSchema({"enum": [1, 2, 3]})]
Minutes = Annotated[int, PlainValidator(_minutes), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 24 * 60})]


class Headed(BaseModel):
    """What a drill says of itself before its texts are filled in: what a list of drills tells, and what seeds choose from."""

    model_config = WRITTEN | ConfigDict(title="Drill of netfilter-lab")

    drill: Name = Field(description="the drill's name; its file is NAME.yaml")
    about: Text = Field(description="one sentence for whoever chooses it, which tells nothing of the answer")
    level: Level = Field(description="1 easy, 2, 3 hard")
    roles: Names = Field(default=(), description="who it is for: on-call, network, security")
    minutes: Minutes = Field(default=30, description="how long it takes")
    seeds: Seeds = Field(default=(1, 2, 3), description="the seeds that it offers, each of which is verified")
    vary: dict[VaryName, Values] = Field(default={}, description="{NAME: [VALUE, VALUE]}: a seed chooses; {{ NAME }} names it")

    @model_validator(mode="after")
    def _not_too_many(self) -> Headed:
        if len(self.vary) > MOST_NAMES:
            raise ValueError(f"`vary` has {len(self.vary)} names: at most {MOST_NAMES}")
        return self


class Heading(Headed):
    """The same of a file whose other keys are looked at later."""

    model_config = WRITTEN | ConfigDict(extra="ignore")


class Drill(Headed):
    """A drill with its texts filled in."""

    topology: Text = Field(description="the topology's name")
    policies: dict[Name, APolicy] = Field(description="{NODE: POLICY}: what the healthy lab holds")
    boot: dict[Name, APolicy] = Field(default={}, description="{NODE: POLICY}: what each boots into, if that is another one")
    page: Text = Field(description="what players are told when it starts")
    faults: Annotated[tuple[Fault, ...], BeforeValidator(one_or_several), OneOrSeveral()] = Field(
        default=(), description="what is done to the lab, in order"
    )
    symptom: Rows = Field(description="rows as they are while it is broken: they are green then")
    contain: Rows = Field(default=(), description="rows, or names of matrices, that are green once it is contained")
    check: Rows = Field(description="rows, or names of matrices, that must be green again")
    kept: Rows = Field(default=(), description="rows, or names of matrices, that must have stayed green")
    answer: Annotated[tuple[Answer, ...], BeforeValidator(one_or_several), OneOrSeveral()] = Field(
        description="{place, kind}, or several, where there are several causes"
    )
    hints: Texts = Field(default=(), description="what helps, one after the other")
    injects: Annotated[tuple[Inject, ...], BeforeValidator(one_or_several), OneOrSeveral()] = Field(
        default=(), description="what players are told meanwhile"
    )
    fix: Typing = Field(default=(), description="what mends it, as it is typed")
    wrong: Annotated[tuple[AWrong, ...], BeforeValidator(one_or_several)] = Field(
        default=(), description="mends that are none: each must fail"
    )
    steps: Texts = Field(default=(), description="the first diagnostic steps of the reference")
    debrief: Debrief = Field(description="{class, cause, long-term, contained-by, row, improvements}")
    evidence: Texts = Field(default=(), description="what is to be kept before anything is mended")
    stages: Annotated[tuple[Stage, ...], BeforeValidator(one_or_several), OneOrSeveral()] = Field(
        default=(), description="what comes once it is mended, for changes in stages"
    )

    _document: Document | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _whole(self) -> Drill:
        for name in ("policies", "symptom", "check", "answer", "page"):
            if not getattr(self, name):
                raise ValueError(f"`{name}` has nothing in it")
        if not self.fix and any(answer.kind not in NOTHING_TO_MEND for answer in self.answer):
            raise ValueError("it says nothing that mends it\nwrite fix: [COMMAND], as it is typed at the node of the answer")
        return self

    def remember(self, document: Document) -> None:
        """Keep the file that this was read from, its texts filled in."""
        self._document = document

    def where(self, *path: str | int, key: bool = False) -> Where:
        """The place in the file of a part (``"check", 3, "from"``); without a file, the drill's name."""
        return self._document.where(*path, key=key) if self._document else Where(f"drill {self.drill}")

    def as_written(self, *path: str | int) -> Any:
        """What the file has at this path, as plain data with its texts filled in; None where it has nothing there."""
        data: Any = self._document.data if self._document else None
        for step in path:
            try:
                data = data[step]
            except (KeyError, IndexError, TypeError):
                return None
        return data

    def typed(self, lines: Sequence[Typed]) -> tuple[Typed, ...]:
        """What is typed, each with its node: that of the first answer where it names none."""
        return tuple(one if one.at else one.model_copy(update={"at": self.answer[0].node}) for one in lines)
