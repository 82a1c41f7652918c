"""``logged``: what a LOG or NFLOG rule must write of the flow, and how often; or that none may.

Without ``times`` it is about the request's first packet, with it about every packet of the flow, either way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from lab.record.logs import LogMessage, LogWitness, traced_logs
from lab.record.verdict import Verdict
from lab.written.expect.example import Example
from lab.written.expect.key import Key, Witnessed
from lab.written.fields import WRITTEN
from lab.written.levels import LEVELS, level_of
from lab.written.messages import did_you_mean
from lab.written.words import ShortForm, Text

if TYPE_CHECKING:
    from lab.written.cell import Cell

MOST_GROUP = 65_535
_NEVER = "none"


def _level(value: object) -> str:
    found = level_of(str(value)) if isinstance(value, (str, int)) and not isinstance(value, bool) else None
    if found is None:
        raise ValueError(f"{value!r} is no level of a log\n{did_you_mean(str(value), LEVELS)}")
    return found


def _count(value: object, least: int, most: int, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{value!r} is not {what}: a whole number from {least} to {most:,}")
    return value


def _times(value: object) -> int:
    return _count(value, 0, 1_000_000, "how often")


def _group(value: object) -> int:
    return _count(value, 0, MOST_GROUP, "a group of NFLOG")


Level = Annotated[str, PlainValidator(_level), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}]})]
Group = Annotated[int, PlainValidator(_group), WithJsonSchema({"type": "integer", "minimum": 0, "maximum": MOST_GROUP})]
Often = Annotated[int, PlainValidator(_times), WithJsonSchema({"type": "integer", "minimum": 0})]


class Times(BaseModel):
    """How many packets."""

    model_config = WRITTEN

    min: Often = Field(default=0, description="at least")
    max: Often | None = Field(default=None, description="at most")

    @model_validator(mode="after")
    def _in_order(self) -> Times:
        if self.max is not None and self.max < self.min:
            raise ValueError(f"max is {self.max}, and min is {self.min}: nothing lies between")
        return self

    def holds(self, count: int) -> bool:
        """Whether ``count`` lies between both ends."""
        return self.min <= count and (self.max is None or count <= self.max)

    def __str__(self) -> str:
        if self.min == self.max:
            return _often(self.min)
        ends = [f"at least {_often(self.min)}"] if self.min or self.max is None else []
        return " and ".join([*ends, *([] if self.max is None else [f"at most {_often(self.max)}"])])


def _as_times(value: object) -> object:
    return {"min": value, "max": value} if isinstance(value, int) and not isinstance(value, bool) else value


def _as_logged(value: object) -> object:
    if isinstance(value, bool) or value == _NEVER:
        return {"times": 0} if value in (False, _NEVER) else {}
    return {"prefix": value} if not isinstance(value, (Mapping, BaseModel)) else value


AnyTimes = Annotated[Times, BeforeValidator(_as_times), ShortForm({"type": "integer", "minimum": 0})]


class LoggedSpec(BaseModel):
    """What must be logged."""

    model_config = WRITTEN

    prefix: Text | None = Field(default=None, description="the whole prefix, a trailing blank included")
    level: Level | None = Field(default=None, description="of a LOG: warn, info, … or its number")
    group: Group | None = Field(default=None, description="of an NFLOG: its message must come to this group")
    times: AnyTimes | None = Field(default=None, description="how many packets of the flow; without it, its first")

    @model_validator(mode="after")
    def _one_kind(self) -> LoggedSpec:
        if self.level is not None and self.group is not None:
            raise ValueError("`level` is of a LOG, and `group` of an NFLOG: no rule writes both")
        return self

    def fits(self, message: LogMessage) -> bool:
        """Whether a message is one of these, whoever witnessed it."""
        return all(
            wanted is None or wanted == was
            for wanted, was in ((self.prefix, message.prefix), (self.level, message.level), (self.group, message.group))
        )

    @property
    def in_words(self) -> str:
        """What it must be logged with, behind "logged"; "" for anything."""
        told = [] if self.prefix is None else [f" with prefix {self.prefix!r}"]
        told += [] if self.level is None else [f" at level {self.level}"]
        return "".join(told + ([] if self.group is None else [f" to group {self.group}"]))


AnyLogged = Annotated[LoggedSpec, BeforeValidator(_as_logged), ShortForm({"type": "string"}, {"type": "boolean"})]


def _messages(_cell: Cell, verdict: Verdict) -> tuple[LogMessage, ...]:
    """What was logged of the flow; of a verdict that nobody asked the log for, what the trace tells of its first packet."""
    logged = verdict.observation.logged
    if logged is not None:
        return logged
    return tuple(message._replace(witness=LogWitness.TRACE) for message in traced_logs(verdict.path, of_first=True))


def _differences(wanted: LoggedSpec, seen: tuple[LogMessage, ...], _cell: Cell) -> Iterator[str]:
    told = seen if wanted.times is not None else [message for message in seen if message.of_first]
    found = [message for message in told if wanted.fits(message) and message.witness is not LogWitness.NOBODY]
    if wanted.times is None:
        if not found:
            yield f"must be logged{wanted.in_words}, but {_why_not(wanted, told)}"
    elif not wanted.times.holds(len(found)):
        if wanted.times.max == 0:
            yield f"must not be logged{wanted.in_words}, but was: {_listed(found)}"
        else:
            but = f"was {_often(len(found))}: {_listed(found)}" if found else _why_not(wanted, told)
            yield f"must be logged{wanted.in_words} {wanted.times}, but {but}"


def _why_not(wanted: LoggedSpec, told: Sequence[LogMessage]) -> str:
    unheard = next((one for one in told if wanted.fits(one)), None)
    if unheard is not None:
        return f"no message of {unheard.rule} came to group {unheard.group} of NFLOG"
    others = [message for message in told if message.witness is not LogWitness.NOBODY]
    why = "met no such LOG or NFLOG rule"
    if wanted.level is None and wanted.group is None:
        prefixes = dict.fromkeys(repr(message.prefix) for message in others if message.prefix)
        return f"{why}; it met the prefixes {', '.join(prefixes)}" if prefixes else why
    return f"{why}; it was logged {_listed(others)}" if others else why


_MOST = 3


def _listed(messages: Sequence[LogMessage]) -> str:
    first = [_in_words(message) for message in messages[:_MOST]]
    more = len(messages) - len(first)
    return ", ".join([*first, *([f"and {more} more"] if more else [])])


def _in_words(message: LogMessage) -> str:
    level = f"at level {message.level} " if message.level is not None else ""
    prefix = f"with prefix {message.prefix!r} " if message.prefix else ""
    return f"{prefix}{level}{message.by}"


def _often(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


LOGGED: Key[LoggedSpec] = Key(
    "logged",
    AnyLogged | None,
    "what a LOG or NFLOG rule must write of it: its prefix, or prefix, level, group, times; false: nothing",
    in_default=True,
    witnessed=Witnessed(_messages, _differences),
    green=Example({"prefix": "web ", "level": "warning"}),
    red=Example("web", "must be logged with prefix 'web', but met no such LOG or NFLOG rule; it met the prefixes 'web '"),
)
