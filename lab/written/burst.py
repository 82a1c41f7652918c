"""``burst``: one packet after another of the same flow, of which a limit lets so many through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from lab.written.fields import WRITTEN, Ends, Expect
from lab.written.steps.spoken import Spoken
from lab.written.words import ShortForm

MOST_SENT = 1000  # packets of one burst, all of its sources and ports together
_COUNT: dict[str, object] = {"type": "integer", "minimum": 1, "maximum": MOST_SENT}


class Bounds(BaseModel):
    """How many pass: at least, and at most."""

    model_config = WRITTEN

    least: int = Field(alias="min", description="at least so many")
    most: int = Field(alias="max", description="at most so many, and what a limit refills in the time that it takes")

    @model_validator(mode="after")
    def _in_order(self) -> Bounds:
        if not 1 <= self.least <= self.most:
            what = f"between {self.least} and {self.most} packets cannot pass"
            raise ValueError(f"{what}\nat least one does, or it is a row that expects a deny: {{min: 5, max: 6}}")
        return self


def _sent(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is not a number of packets")
    if not 1 <= value <= MOST_SENT:
        raise ValueError(f"{value} packets cannot be sent: 1 to {MOST_SENT:,}")
    return value


def _bounds(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return {"min": value, "max": value}
    if not isinstance(value, (Mapping, Bounds)):
        raise ValueError(f"{value!r} is not how many pass: write 5, or {{min: 5, max: 6}}")
    return value


def _rest(value: object) -> object:
    bare = not isinstance(value, (Mapping, Spoken)) or (isinstance(value, Mapping) and tuple(value) == ("reject",))
    return {"expect": value} if bare else value


def _denied() -> Spoken:
    return Spoken(expect=Expect(action="deny"))


class BurstSpec(BaseModel):
    """Packets of one flow, each a connection of its own, as fast as they can be told apart."""

    model_config = WRITTEN

    send: Annotated[int, PlainValidator(_sent), WithJsonSchema(_COUNT)] = Field(
        description="how many packets, each the first of a connection of its own"
    )
    passing: Annotated[Bounds, BeforeValidator(_bounds), ShortForm(_COUNT)] = Field(
        alias="pass", description="how many of them pass: 5, or {min: 5, max: 6}"
    )
    rest: Annotated[Spoken, BeforeValidator(_rest), ShortForm({"type": "string", "description": "its action"})] = Field(
        default_factory=_denied, description="what is expected of those that do not pass; deny by itself"
    )
    sources: Ends | None = Field(
        default=None, alias="from", description="a burst from each of these too, one after the other, with the same bounds"
    )
    together: bool = Field(default=False, description="true: the bounds are those of all sources and ports together")
    open: bool = Field(default=False, description="true: what passes stays open while the next is tried")

    @model_validator(mode="after")
    def _sensible(self) -> BurstSpec:
        if self.passing.most > self.send and not self.together:
            raise ValueError(f"{self.passing.most} of {self.send} packets cannot pass")
        return self
