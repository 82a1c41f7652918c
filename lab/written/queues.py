"""``queues`` of a node: what a program there says to the packets that rules hand to user space (NFQUEUE, ``queue``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from lab.written.fields import WRITTEN, Mark
from lab.written.words import ShortForm, one_or_more

Word = Literal["accept", "drop", "repeat"]
MOST = 256  # queues of one node: each is a structure of the kernel's
_NUMBERS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_LAST = 65_535


class Reader(NamedTuple):
    """What is said to the packets of one queue, and the mark that each gets; None leaves it its own."""

    word: Word
    mark: int | None = None


def _numbers(value: object) -> tuple[int, int]:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    found = _NUMBERS.fullmatch(text) if isinstance(text, str) else None
    if found is None or not int(found[1]) <= int(found[2] or found[1]) <= _LAST:
        raise ValueError(f"{value!r} is no queue: write its number, 0 to {_LAST}, or a range like 4-7")
    return int(found[1]), int(found[2] or found[1])


def _shown(numbers: tuple[int, int]) -> int | str:
    low, high = numbers
    return low if low == high else f"{low}-{high}"


_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "integer", "minimum": 0, "maximum": _LAST}, {"type": "string", "pattern": r"^\d{1,5}(-\d{1,5})?$"}]
}


class QueueSpec(BaseModel):
    """A queue, or a range of them."""

    model_config = WRITTEN

    queue: Annotated[tuple[int, int], PlainValidator(_numbers), PlainSerializer(_shown), WithJsonSchema(_SCHEMA)] = Field(
        description="its number, or a range: 4-7"
    )
    mark: Mark | None = Field(default=None, description="the mark that each packet gets")


def _items(value: object) -> object:
    several = one_or_more(value)
    assert isinstance(several, tuple)
    return tuple(item if isinstance(item, (Mapping, QueueSpec)) else {"queue": item} for item in several)


_Item = Annotated[QueueSpec, ShortForm(*_SCHEMA["anyOf"])]
_Items = Annotated[tuple[_Item, ...], BeforeValidator(_items)]


class Queues(BaseModel):
    """Which queues of a node are read, and what their reader says; nobody reads the others."""

    model_config = WRITTEN

    accept: _Items = Field(default=(), description="each packet goes on behind the chain whose rule handed it over")
    drop: _Items = Field(default=(), description="each packet is dropped")
    repeat: _Items = Field(default=(), description="each packet comes to the chain once more, with a `mark`")

    @model_validator(mode="after")
    def _each_once(self) -> Queues:
        seen: dict[int, str] = {}
        for word, item in self._said():
            if word == "repeat" and item.mark is None:
                what = f"what queue {_shown(item.queue)} repeats would come to the same rule again, for ever"
                raise ValueError(f"{what}\nwrite {{queue: {_shown(item.queue)}, mark: 0x1}}, and a rule that lets this mark by")
            low, high = item.queue
            if len(seen) + high - low >= MOST:
                raise ValueError(f"these are more than {MOST} queues\nname those that rules hand packets to")
            for number in range(low, high + 1):
                if number in seen:
                    where = f"twice under {word}" if seen[number] == word else f"under {seen[number]} and under {word}"
                    raise ValueError(f"queue {number} stands {where}")
                seen[number] = word
        return self

    def _said(self) -> Iterator[tuple[Word, QueueSpec]]:
        words: tuple[Word, ...] = ("accept", "drop", "repeat")
        for word in words:
            for item in getattr(self, word):
                yield word, item

    @property
    def readers(self) -> Mapping[int, Reader]:
        """What is said to the packets of each queue, by its number.

        >>> Queues.model_validate({"accept": 3, "drop": ["4-5"]}).readers[5].word
        'drop'
        """
        return {
            number: Reader(word, item.mark) for word, item in self._said() for number in range(item.queue[0], item.queue[1] + 1)
        }
