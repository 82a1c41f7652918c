"""What must hold of a flow besides its action, and what one family alone says of it."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, Field

from lab.written.expect.exception import EXCEPTION
from lab.written.expect.keys import KEYS, with_keys
from lab.written.expect.known import KNOWN
from lab.written.fields import WRITTEN, OtherExpect


@with_keys(KEYS)
class Further(BaseModel):
    """What must hold of a flow besides its action."""

    model_config = WRITTEN


class Override(Further):
    """Keys of a row for one family; one that is null takes back what the row says."""

    expect: OtherExpect = Field(default=None, description="allow, drop, reject, deny, or {reject: KIND}")


def misplaced(written: BaseModel, action: str, as_said: str = "") -> str | None:
    """What is wrong with a key that says nothing of a flow with this ``action``, which ``as_said`` tells; None where all do."""
    wrong = next((key for key in KEYS if key.of(written) is not None and not key.about.fits(action)), None)
    return None if wrong is None else f"`{wrong.name}` {wrong.about}, but {as_said or f'`expect` is {action}'}"


def why_it_is_no_expectation(written: BaseModel, action: str) -> str | None:
    """The same of a step, which has no key that speaks of a row as a whole either."""
    of_row = next((key for key in (EXCEPTION, KNOWN) if key.of(written) is not None), None)
    if of_row is not None:
        return f"`{of_row.name}` is said of the row, and not of a step"
    return misplaced(written, action)


_Written = TypeVar("_Written", bound=BaseModel)


def overridden(written: _Written, family: int) -> _Written:
    """What has keys under ``v4:`` and ``v6:``, with those of the family in the place of its own."""
    v4, v6 = written.v4, written.v6  # type: ignore[attr-defined]
    if v4 is None and v6 is None:
        return written
    override: BaseModel | None = v4 if family == 4 else v6
    given = {name: getattr(override, name) for name in override.model_fields_set} if override is not None else {}
    return written.model_copy(update={**given, "v4": None, "v6": None})
