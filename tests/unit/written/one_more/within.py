"""``within``: how long a probe may take.  A key that the lab does not have: see test_one_more_key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from lab.record.verdict import Verdict
from lab.written.expect.example import PASSED, Example
from lab.written.expect.key import Key, Witnessed
from lab.written.fields import WRITTEN

if TYPE_CHECKING:
    from lab.written.cell import Cell


class WithinSpec(BaseModel):
    """How long a probe may take."""

    model_config = WRITTEN

    us: int = Field(description="microseconds")


def _taken(_cell: Cell, verdict: Verdict) -> float:
    return verdict.observation.probe_us


def _differences(wanted: WithinSpec, taken: float, _cell: Cell) -> Iterator[str]:
    if taken > wanted.us:
        yield f"must take at most {wanted.us} us, but took {taken:.0f}"


def _in_words(wanted: WithinSpec) -> str:
    return f"within {wanted.us} us"


_SLOW = replace(PASSED, observation=replace(PASSED.observation, probe_us=70.0))
WITHIN: Key[WithinSpec] = Key(
    "within",
    WithinSpec | None,
    "how long a probe may take",
    in_default=True,
    in_words=_in_words,
    witnessed=Witnessed(_taken, _differences),
    green=Example({"us": 70}, verdict=_SLOW),
    red=Example({"us": 50}, "must take at most 50 us, but took 70", verdict=_SLOW),
)
