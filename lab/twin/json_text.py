"""JSON that a stranger wrote: read within bounds, and every wrong thing told in one message."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from lab.errors import InputError, Problem, Where

MOST_DEEP = 32
_SHOWN = 60


class CutOff(InputError):
    """The text ends in the middle."""


class Behind(InputError):
    """Something stands behind the document, which is ``document``; ``rest`` is the text of it."""

    def __init__(self, problem: Problem, document: object, rest: str) -> None:
        super().__init__(problem)
        self.document = document
        self.rest = rest


def load_json(text: str, where: Where) -> Any:
    """The one document that a text holds, no deeper than `MOST_DEEP`; raises InputError."""
    begun = text.removeprefix("\ufeff").lstrip()
    try:
        document, end = json.JSONDecoder(object_pairs_hook=_once).raw_decode(begun)
    except json.JSONDecodeError as error:
        raise _wrong(error, begun, where) from None
    except RecursionError:
        raise InputError(Problem(_too_deep(), where, "it is not what a tool printed")) from None
    except ValueError as error:
        raise InputError(Problem(str(error), where, "it is not what a tool printed")) from None
    if _depth(document) > MOST_DEEP:
        raise InputError(Problem(_too_deep(), where, "it is not what a tool printed"))
    if rest := begun[end:].strip():
        first = rest.split("\n", 1)[0].strip()
        what = f"behind the document, in line {begun[:end].count(chr(10)) + 1}, stands more: {shown(first)}"
        raise Behind(Problem(what, where, "keep one document in the file"), document, rest)
    return document


def _wrong(error: json.JSONDecodeError, text: str, where: Where) -> InputError:
    bare = text.rstrip()
    if error.pos >= len(bare) or bare[-1] not in "]}" or error.msg.startswith("Unterminated string"):
        what = f"it ends in the middle, after {len(text.encode(errors='surrogatepass')):,} bytes: it was cut off"
        return CutOff(Problem(what, where, "take it anew, and look whether the command before it failed"))
    line = text.split("\n")[error.lineno - 1].strip()
    what = f"it is no JSON: {error.msg[:1].lower()}{error.msg[1:]} in line {error.lineno}: {shown(line)}"
    return InputError(Problem(what, where, "take it as the tool prints it"))


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {shown(key)} is there twice")
        found[key] = value
    return found


def _too_deep() -> str:
    return f"it is nested more than {MOST_DEEP} deep"


def _depth(document: object) -> int:
    """How deep it is nested, as far as `MOST_DEEP` and one more."""
    level, deep = [document], 0
    while level and deep <= MOST_DEEP:
        level = [inner for one in level for inner in _inside(one)]
        deep += 1
    return deep


def _inside(one: object) -> list[object]:
    if isinstance(one, dict):
        return list(one.values())
    return one if isinstance(one, list) else []


def shown(value: object) -> str:
    """A value as a message quotes it, not all of a long one."""
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def refuse(what: str, where: Where, mend: str = "") -> NoReturn:
    """Raise the one error that a file which does not fit is."""
    raise InputError(Problem(what, where, mend or "take it as the tool prints it"))
