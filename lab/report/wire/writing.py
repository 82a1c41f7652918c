"""From a record to its document: plain dicts, lists, strings and numbers, for `json.dumps`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from lab.report.wire.document import keys_of

Written = dict[str, object]
_Write = Callable[[Any], Written]


def written(kind: type, record: object) -> Written:
    """The record as the document, or the part of one, that ``kind`` declares; what is written already stays as it is.

    Nothing is checked: that records have the types which the document promises is mypy's and the tests' business, and a report
    must not be lost for it.
    """
    return _writer(kind)(record)


@cache
def _writer(kind: type) -> _Write:
    """What writes records as ``kind``: a function as one would write it by hand, ``lambda record: {"node": record.node, …}``.

    It is made as `dataclasses` makes ``__init__``.  A run of 10,000 cells has 100,000 rules, steps and packets: with a loop
    over the keys of each, writing them took twice as long.
    """
    hints = get_type_hints(kind)
    known: dict[str, object] = {}
    items = []
    for field, key, of in keys_of(kind):
        if (only := _only_value(hints[field])) is not None:
            value = repr(only)
        else:
            value = _expression(hints[field], f"record.{of}" if isinstance(of, str) else f"{_name(of, known)}(record)", known)
        items.append(f"{key!r}: {value}")
    write: _Write = eval(f"lambda record: record if record.__class__ is dict else {{{', '.join(items)}}}", known)
    return write


def _only_value(hint: object) -> object:
    """The value of a key that has one alone, as a version; None of another."""
    values = get_args(hint) if get_origin(hint) is Literal else ()
    return values[0] if len(values) == 1 else None


def _expression(hint: Any, value: str, known: dict[str, object]) -> str:
    """The expression that makes a value of this type one that JSON has."""
    if is_dataclass(hint):
        assert isinstance(hint, type)
        return f"{_name(_writer(hint), known)}({value})"
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return f"str({value})"
    inner = [one for one in get_args(hint) if one is not NoneType]
    if get_origin(hint) is tuple:
        item = _expression(inner[0], "one", known)
        return f"list({value})" if item == "one" else f"[{item} for one in {value}]"
    if get_origin(hint) in (Union, UnionType) and len(inner) == 1:
        some = _expression(inner[0], "some", known)
        return value if some == "some" else f"(None if (some := {value}) is None else {some})"
    return value


def _name(function: Callable[..., object], known: dict[str, object]) -> str:
    """What the function is called in the expression."""
    name = f"made_{len(known)}"
    known[name] = function
    return name
