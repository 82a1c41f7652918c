"""From a file to the document that a lab wrote into it; whoever changed it meanwhile is told where it is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from lab.errors import InputError, Problem, Where
from lab.report.wire.document import adapter, version_of
from lab.written.messages import wrong_value

_MOST = 5  # places that are told of one file
_Document = TypeVar("_Document")


def read(kind: type[_Document], file: Path, writer: str) -> _Document:
    """The document of a file that ``writer`` wrote (``lab exposure --save``), whichever version of this lab it was.

    Raises InputError for a file that cannot be read, is none of these documents or one of another version: with the place and
    the value that is wrong.
    """
    data = _data(file, writer)
    known = version_of(kind)
    if data.get("version", known) != known:
        what = f"{file} has version {data['version']!r}, and this lab reads version {known}"
        raise InputError(Problem(what, mend="save it anew"))
    try:
        return adapter(kind).validate_python(data)
    except ValidationError as error:
        raise InputError(_problems(error, file, writer)) from None


def _data(file: Path, writer: str) -> Mapping[str, object]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(Problem(f"{file} cannot be read: {error.strerror}")) from None
    except json.JSONDecodeError as error:
        where = Where(str(file), error.lineno, error.colno)
        raise InputError(Problem(f"this is no JSON: {error.msg}", where, _none_of(writer))) from None
    except (ValueError, RecursionError) as error:
        why = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise InputError(Problem(f"this is no JSON: {why}", Where(str(file)), _none_of(writer))) from None
    if not isinstance(data, Mapping):
        what = f"a mapping belongs here, not a {'list' if isinstance(data, list) else 'single value'}"
        raise InputError(Problem(what, Where(str(file)), _none_of(writer)))
    return data


def _problems(error: ValidationError, file: Path, writer: str) -> list[Problem]:
    """What is wrong at the first place of each list that has any: `Many` looks no further."""
    found = []
    for entry in error.errors(include_url=False)[:_MOST]:
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in entry["loc"]).removeprefix(".")
        missing = entry["type"] == "missing"
        what = f"`{place}` is missing" if missing else f"`{place}`: {wrong_value(entry)[0]}"
        found.append(Problem(what, Where(str(file))))
    return [*found[:-1], replace(found[-1], mend=_none_of(writer))]


def _none_of(writer: str) -> str:
    return f"this is no report of `{writer}`, or not as it was written"
