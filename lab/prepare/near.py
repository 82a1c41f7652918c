"""What is told of a text that selects no cell: the ids, or the words of ids, that are near to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from lab.errors import Problem

EVERY = "`lab run --collect` lists all cells"
_MOST = 3
_COMPARED = 64  # ids are compared letter by letter only if they share most words with the text
_BETWEEN = re.compile(r"[\s\[\]()'\"`,]+|->|::")


def is_pasted(text: str) -> bool:
    """Whether a text that names no file is surely an id, or the part of one."""
    return "->" in text or "::" in text


def behind(cell_id: str) -> str:
    """The id behind the matrix's name, as pytest shows it."""
    return cell_id.partition("::")[2]


def nothing_like(what: str, text: str, ids: Sequence[str], *, compiled: bool) -> Problem:
    """The problem of a text that selects none of ``ids``; ``compiled`` tells that it is an expression."""
    if compiled and not is_pasted(text):
        return Problem(f"{what} selects no cell", mend=_meant(_missing(text, ids), ids))
    near = _near(text, ids)
    if compiled or is_pasted(text):
        return Problem(f"{what} selects no cell", mend=f"{_listed(near)}{EVERY}")
    mend = f"{_listed(near)}write words with and, or, not: -k 'web and not partner'"
    return Problem(f"{what} is not an expression, nor a part of any id", mend=mend)


def _missing(text: str, ids: Sequence[str]) -> list[str]:
    """The words of an expression that no id has."""
    lower = [one.lower() for one in ids]
    return [word for word in sorted(_words(text)) if not any(word in one for one in lower)]


def _meant(missing: Iterable[str], ids: Sequence[str]) -> str:
    """How to mend an expression, where some of its words are in no id."""
    known = {word for one in ids for word in _words(one)}
    for word in missing:
        if near := get_close_matches(word, known, _MOST):
            return f"no id has {word!r}: did you mean {' or '.join(map(repr, near))}? {EVERY}"
    return EVERY


def _near(text: str, ids: Sequence[str]) -> list[str]:
    """At most three ids that share most words with the text, of these the most alike."""
    asked = _words(text)
    shared = {one: len(asked & _words(one)) for one in ids}
    some = sorted((one for one in ids if shared[one]), key=lambda one: -shared[one])[:_COMPARED]
    if "::" in text:
        return get_close_matches(text, some, _MOST)
    names = {behind(one): one for one in reversed(some)}
    return [names[one] for one in get_close_matches(text, names, _MOST)]


def _listed(near: Sequence[str]) -> str:
    return "".join(f"{'near to it:' if number == 0 else '':<12}{one}\n    " for number, one in enumerate(near))


def _words(text: str) -> set[str]:
    return {word for word in _BETWEEN.split(text.lower()) if word}
