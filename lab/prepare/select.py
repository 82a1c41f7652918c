"""Which cells to run: those whose id was pasted, whole or in part, else those that an expression of ``-k`` selects.

An expression is in pytest's words: substrings of the id with ``and``, ``or``, ``not`` and parentheses.  An id may hold all of
these too, so what is literally there goes first.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from lab.errors import InputError, Problem
from lab.prepare.expression import Matches, compile_expression
from lab.prepare.near import behind, is_pasted, nothing_like
from lab.ruleset.backend import Backend

Id = tuple[Path, str]
"""A cell: its matrix file, and its id without any mark."""
_OF_PYTEST = re.compile(r"(?:(?:PASSED|FAILED|ERROR|XFAIL|SKIPPED) )?(?P<file>[^\[\]]*?\.ya?ml)::(?P<name>.*)")
_REASON = re.compile(r"(?P<id>.*\](?:/6)?(?:@\w+)?\W?)(?:: .*|:| - .*)")  # as it stands before an outcome, a warning, a reason
_MARKS = {f"@{backend}": str(backend) for backend in Backend}
_QUOTES = ("''", '""', "``", "\u2018\u2019", "\u201c\u201d")
_STARTS, _ENDS = r"(?:^|::|\[|->)", r"(?:$|\[|->|\]|::)"


class Match(IntEnum):
    """How a text stands for an id; of all ids those are meant for which it does so in the first of these ways."""

    WHOLE = 0
    """The id, or all of it behind the matrix's name."""
    PART = 1
    """Several words, that are all of a row's name, or of another part of the id."""
    EXPRESSION = 2
    PIECE = 3
    """Literally somewhere in it."""


@dataclass(frozen=True, slots=True)
class Found:
    """The cells that a text stands for, on the backend ``way`` alone if it names one."""

    cells: frozenset[Id]
    way: str | None = None
    how: Match | None = None


@dataclass(frozen=True, slots=True)
class Picked:
    """What is run: of each of the groups one must take a cell."""

    groups: tuple[tuple[Found, ...], ...] = ()
    notes: tuple[str, ...] = ()

    def takes(self, cell: Id, backend: Backend | None = None) -> bool:
        """Whether a cell is run, on this backend (None: on any)."""
        return all(
            any(cell in one.cells and (None in (one.way, backend) or one.way == backend) for one in group)
            for group in self.groups
        )


def choose(expression: str | None, pasted: Sequence[str], cells: Sequence[Id], backends: Sequence[Backend]) -> Picked:
    """What ``-k`` and ids among the arguments select of ``cells``; InputError where one of them selects nothing."""
    groups: list[tuple[Found, ...]] = []
    notes: list[str] = []
    if expression is not None:
        found = _found(expression, cells, backends, option="-k ", compiled=_compiled(expression))
        if found.how is Match.PART and _compiled(expression):
            notes.append(f"-k {expression!r} is all of a part of these ids, so it was not read as an expression")
        groups.append((found,))
    if pasted:
        groups.append(tuple(_found(text, cells, backends, option="", compiled=None) for text in pasted))
    return Picked(tuple(groups), tuple(notes))


def _compiled(text: str) -> Matches | None:
    try:
        return compile_expression(text)
    except InputError:
        return None


def _found(
    text: str, cells: Sequence[Id], backends: Sequence[Backend], *, option: str, compiled: Matches | None
) -> Found:  # fmt: skip
    """The cells that a text stands for; InputError with what is near where there are none on one of the backends."""
    elsewhere = False
    for said, way in _readings(text):
        how: dict[Match, list[Id]] = defaultdict(list)
        match = _matcher(said, compiled if said == text else None)
        for cell in cells:
            if (found := match(cell)) is not None:
                how[found].append(cell)
        if how and way is not None and way not in backends:
            elsewhere = True
        elif how:
            best = min(how)
            return Found(frozenset(how[best]), way, best)
    what = f"{option}{text!r}"
    if elsewhere:
        raise InputError(Problem(f"{what} selects no cell: it is one of the other backend", mend="--backend both"))
    raise InputError(nothing_like(what, text, [cell for _, cell in cells], compiled=compiled is not None))


def _readings(text: str) -> Iterator[tuple[str, str | None]]:
    """What a pasted text may say, the most literal first, each with the backend that its mark names."""
    plain = " ".join(text.split())
    before = _REASON.fullmatch(plain)
    whole = [plain, *([before["id"]] if before else ())]
    bare = [one[1:-1] for one in whole for quotes in _QUOTES if len(one) > 2 and (one[0], one[-1]) == tuple(quotes)]
    for one in dict.fromkeys((text, *whole, *bare)):
        yield one, None
        for mark, way in _MARKS.items():
            if one.endswith(mark) and one != mark:
                yield one.removesuffix(mark), way


def _matcher(text: str, expression: Matches | None) -> Callable[[Id], Match | None]:
    of_pytest = _OF_PYTEST.fullmatch(text)
    part = re.compile(_STARTS + re.escape(text) + _ENDS) if " " in text else None
    piece = _piece(text) if expression is None and text.strip() else None

    def match(cell: Id) -> Match | None:
        file, cell_id = cell
        if text in (cell_id, behind(cell_id)):
            return Match.WHOLE
        if of_pytest and of_pytest["name"] == behind(cell_id) and _is_file(of_pytest["file"], file):
            return Match.WHOLE
        if part is not None and part.search(cell_id):
            return Match.PART
        if expression is not None and expression(cell_id):
            return Match.EXPRESSION
        return Match.PIECE if piece is not None and piece.search(cell_id) else None

    return match


def _piece(text: str) -> re.Pattern[str]:
    """The text anywhere in an id; if it may be words that somebody typed, only where these are whole words."""
    whole = "" if is_pasted(text) or {"[", "]"}.intersection(text) else r"(?<!\w){}(?!\w)"
    return re.compile((whole or "{}").format(re.escape(text)), re.IGNORECASE)


def _is_file(named: str, file: Path) -> bool:
    parts = Path(named).parts
    return file.absolute().parts[-len(parts) :] == parts
