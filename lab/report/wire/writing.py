"""From a record to its document: plain dicts, lists, strings and numbers, for `json.dumps`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import is_dataclass
from enum import StrEnum
from functools import cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from lab.report.wire.document import keys_of

Written = dict[str, object]
_Make = Callable[[Any], object]


def written(kind: type, record: object) -> Written:
    """The record as the document, or the part of one, that ``kind`` declares; what is written already stays as it is.

    Nothing is checked: that records have the types which the document promises is mypy's and the tests' business, and a report
    must not be lost for it.
    """
    return _writer(kind)(record)


@cache
def _writer(kind: type) -> Callable[[Any], Written]:
    """What writes records as ``kind``, put together once: a run has some hundred thousand rules and steps."""
    hints = get_type_hints(kind)
    keys = keys_of(kind)
    blank: Written = {name: _only_value(hints[field]) for field, name, _ in keys}
    plain = [(name, of) for field, name, of in keys if isinstance(of, str) and blank[name] is None]
    names = [name for name, _ in plain]
    taken = _taken([of for _, of in plain])
    made = [(name, of) for _, name, of in keys if not isinstance(of, str)]
    converted = [(name, convert) for field, name, _ in keys if (convert := _converter(hints[field])) is not None]

    def write(record: Any) -> Written:
        if record.__class__ is dict:
            return record
        found = dict(zip(names, taken(record), strict=True))
        if len(found) < len(blank):
            found = blank | found
        for name, make in made:
            found[name] = make(record)
        for name, convert in converted:
            found[name] = convert(found[name])
        return found

    return write


def _taken(attributes: list[str]) -> Callable[[Any], tuple[object, ...]]:
    """What gets all of these attributes at once."""
    if len(attributes) > 1:
        return attrgetter(*attributes)
    getters = [attrgetter(one) for one in attributes]
    return lambda record: tuple(get(record) for get in getters)


def _only_value(hint: object) -> object:
    """The value of a key that has one alone, as a version; None of another."""
    values = get_args(hint) if get_origin(hint) is Literal else ()
    return values[0] if len(values) == 1 else None


def _converter(hint: Any) -> _Make | None:
    """What makes a value of this type one that JSON has; None where it is one."""
    if is_dataclass(hint):
        assert isinstance(hint, type)
        return _writer(hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return str
    inner = [one for one in get_args(hint) if one is not NoneType]
    if get_origin(hint) is tuple:
        item = _converter(inner[0])
        return list if item is None else lambda values: [item(value) for value in values]
    if get_origin(hint) in (Union, UnionType) and len(inner) == 1:
        some = _converter(inner[0])
        return None if some is None else lambda value: None if value is None else some(value)
    return None
