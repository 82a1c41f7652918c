"""``known``: a failure that is known, and may be until a day."""

from __future__ import annotations

import datetime
from dataclasses import replace

from pydantic import BaseModel, Field

from lab.record.result import CellResult, Outcome
from lab.written.expect.example import Example
from lab.written.expect.key import Key
from lab.written.fields import WRITTEN, Date
from lab.written.words import Text


class KnownSpec(BaseModel):
    """A failure that is known, and until when."""

    model_config = WRITTEN

    until: Date = Field(description='the last day that it may fail, quoted: "2027-01-31"')
    ticket: Text = Field(description="where it is being mended")
    why: Text = Field(description="what fails")


def _settled(known: KnownSpec, result: CellResult, today: datetime.date) -> CellResult:
    if result.outcome is Outcome.ERROR:
        return result
    why = f"{known.ticket}: {known.why}"
    if result.outcome is Outcome.PASSED:
        words = f"passes, though it is known to fail ({why}): remove `known`"
    elif known.until < today:
        words = f"known to fail until {known.until} ({why}), which is past"
        return replace(result, differences=(*result.differences, words))
    else:
        words = f"fails as is known until {known.until} ({why})"
        return replace(result, outcome=Outcome.PASSED, known=True, warnings=(*result.warnings, words))
    return replace(result, outcome=Outcome.MISMATCH, differences=(words,))


KNOWN: Key[KnownSpec] = Key(
    "known",
    KnownSpec | None,
    "a failure that is known",
    settled=_settled,
    green=Example({"until": "2099-01-31", "ticket": "NET-77", "why": "its rule waits for the next window"}, action="drop"),
    red=Example(
        {"until": "2020-01-31", "ticket": "NET-77", "why": "its rule waits for the next window"},
        "known to fail until 2020-01-31 (NET-77: its rule waits for the next window), which is past",
        action="drop",
    ),
)
