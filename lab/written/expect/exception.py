"""``exception``: a temporary allowance, which is looked at again on a day."""

from __future__ import annotations

import datetime
from dataclasses import replace

from pydantic import BaseModel, Field

from lab.record.result import CellResult
from lab.written.expect.example import Example
from lab.written.expect.key import Key
from lab.written.fields import WRITTEN, Date
from lab.written.words import Text


class ExceptionSpec(BaseModel):
    """A temporary allowance."""

    model_config = WRITTEN

    owner: Text = Field(description="who answers for it")
    ticket: Text = Field(description="where it was agreed")
    review: Date = Field(description='when it is looked at again, quoted: "2027-01-31"')


def _settled(allowance: ExceptionSpec, result: CellResult, today: datetime.date) -> CellResult:
    if allowance.review >= today:
        return result
    overdue = (
        f"the exception {allowance.ticket} of {allowance.owner} was to be reviewed by {allowance.review}: "
        "renew it or remove the row"
    )
    return replace(result, warnings=(overdue, *result.warnings))


EXCEPTION: Key[ExceptionSpec] = Key(
    "exception",
    ExceptionSpec | None,
    "a temporary allowance",
    settled=_settled,
    green=Example({"owner": "net-sec", "ticket": "CHG-1042", "review": "2099-01-31"}),
    red=Example(
        {"owner": "net-sec", "ticket": "CHG-1042", "review": "2020-01-31"},
        "the exception CHG-1042 of net-sec was to be reviewed by 2020-01-31: renew it or remove the row",
    ),
)
