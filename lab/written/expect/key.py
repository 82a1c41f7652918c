"""What a key of a row is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from lab.written.expect.example import Example

if TYPE_CHECKING:
    import datetime

    from pydantic import BaseModel

    from lab.record.result import CellResult
    from lab.record.verdict import Verdict
    from lab.written.cell import Cell

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
S = TypeVar("S")


class About(StrEnum):
    """Which flows a key speaks of, in the words that tell of one in a row that expects the opposite."""

    ANY = ""
    PASSING = "says what becomes of a flow that passes"
    REFUSED = "says what may refuse a flow"

    def fits(self, action: str) -> bool:
        """Whether a row that expects this action may say it."""
        return self is About.ANY or (self is About.PASSING) is (action == "allow")


class Words(Protocol):
    """Resolves the words after a key in one family; tells what is wrong with one at its place, and gives None."""

    def node(self, name: str | None, *path: str | int) -> None:
        """Tell of a node that is none; ``path`` leads from the key to the word."""

    def address(self, word: str, *path: str) -> str | None:
        """The one address that the word stands for."""

    def table(self, word: str, *path: str) -> None:
        """Tell of a routing table that no node has by this name."""


@dataclass(frozen=True, slots=True)
class Witnessed(Generic[T, S]):
    """What a key is held against.

    ``by`` finds what must have been witnessed in a cell's verdict: a record, or None where nobody saw it.  ``differences`` are
    the sentences for a record that is not what the row says, or for one that is not there.
    """

    by: Callable[[Cell, Verdict], S]
    differences: Callable[[T, S, Cell], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Key(Generic[T_co]):
    """A key of a row, by its ``name`` in the file.

    ``written`` is the annotation of its field, for pydantic: what stands there comes to a T_co, or to ``default``, which is no
    expectation.  ``says`` is its description for editors.  ``about`` tells which flows it is for, ``in_default`` whether the
    matrix's default may have it too.  ``resolved`` makes of what is written what it means in one family.  ``in_words`` tells it
    behind the action, where a report says what is expected.  ``settled`` makes of a cell's result what that comes to on a
    day.  ``green`` holds, ``red`` does not.
    """

    name: str
    written: Any
    says: str
    green: Example
    red: Example
    default: object = None
    about: About = About.ANY
    in_default: bool = False
    resolved: Callable[[T_co, Words], T_co] | None = None
    witnessed: Witnessed[T_co, Any] | None = None
    in_words: Callable[[T_co], str] | None = None
    settled: Callable[[T_co, CellResult, datetime.date], CellResult] | None = None

    def of(self, row: BaseModel) -> T_co | None:
        """What a row, or a default, says after it; None where it says nothing."""
        value: T_co | None = getattr(row, self.name, None)
        return None if value == self.default else value

    def differences(self, wanted: Any, cell: Cell, verdict: Verdict) -> Iterator[str]:
        """Every way in which the cell's verdict is not what the row says after this key, one sentence each."""
        if self.witnessed is not None:
            yield from self.witnessed.differences(wanted, self.witnessed.by(cell, verdict), cell)
