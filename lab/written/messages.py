"""From pydantic's errors to problems that a person can mend: the place in the file, what is wrong, what was meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from lab.errors import InputError, Problem, Where
from lab.written.words import not_text
from lab.written.yaml_source import Document

_Model = TypeVar("_Model", bound=BaseModel)

# A mapping whose values a person must have meant otherwise: what pydantic calls it, and what we do.
_BELONGS = {
    "string_type": "text belongs here",
    "bool_type": "true or false belongs here",
    "int_type": "a whole number belongs here",
    "dict_type": "a mapping belongs here",
    "model_type": "a mapping belongs here",
    "model_attributes_type": "a mapping belongs here",
    "dataclass_type": "a mapping belongs here",
    "tuple_type": "a list belongs here",
    "list_type": "a list belongs here",
}

_ROWS = ("flows", "intends", "symptom", "contain", "check", "kept")  # the lists of rows that people write
_OURS = ("value_error", "assertion_error")  # what a validator of ours says


def did_you_mean(word: str, known: Iterable[str], what: str = "") -> str:
    """``did you mean 'x'?``, or the list of what there is; ``what`` names its kind."""
    choices = sorted(set(known))
    if close := get_close_matches(word, choices, n=1, cutoff=0.6):
        return f"did you mean {close[0]!r}?"
    if not choices:
        return f"there are no {what}" if what else ""
    shown = ", ".join(choices[:20]) + (", …" if len(choices) > 20 else "")
    return f"{what or 'known here'}: {shown}"


def validated(model: type[_Model], document: Document) -> _Model:
    """The document's data as the model; InputError with every problem, each with its line."""
    if not isinstance(document.data, Mapping):
        what = f"a mapping belongs here, not a {'list' if isinstance(document.data, list) else 'single value'}"
        raise InputError(Problem(what, document.where()))
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise InputError(problems_of(error, model, document)) from None


def problems_of(error: ValidationError, model: type[BaseModel], document: Document | None) -> tuple[Problem, ...]:
    """One problem for each of pydantic's errors, in the order of the file."""
    found = [_problem(entry, model, document) for entry in error.errors(include_url=False)]
    return tuple(sorted(found, key=_line))


def _line(problem: Problem) -> tuple[int, int]:
    where = problem.where
    return (where.line or 0, where.column or 0) if where else (0, 0)


def _problem(entry: Mapping[str, Any], model: type[BaseModel], document: Document | None) -> Problem:
    path: tuple[str | int, ...] = entry["loc"]
    of_key = path[-1:] == ("[key]",)
    path = path[:-1] if of_key else path
    kind: str = entry["type"]

    def place(*at: str | int, key: bool = False) -> Where | None:
        return document.where(*at, key=key) if document else None

    if kind == "missing":
        return Problem(f"`{path[-1]}` is missing{_in(path[:-1], document)}", place(*path[:-1]))
    if kind == "extra_forbidden":
        known = _keys(model, path[:-1])
        return Problem(f"unknown key {str(path[-1])!r}", place(*path, key=True), did_you_mean(str(path[-1]), known))
    named = path and isinstance(path[-1], str) and not (of_key and kind in _OURS)
    what, mend = (not_text(entry["input"]), "") if kind == "string_type" else wrong_value(entry)
    return Problem(f"`{path[-1]}`: {what}" if named else what, place(*path, key=of_key), mend)


def wrong_value(entry: Mapping[str, Any]) -> tuple[str, str]:
    """What is wrong with a value that pydantic refused, and how to mend it where that is known."""
    kind, value = entry["type"], entry["input"]
    if kind in _OURS:
        what, _, mend = str(entry["ctx"]["error"]).partition("\n")
        return what, mend
    if kind in ("literal_error", "enum"):
        return f"{value!r} is not one of {entry['ctx']['expected']}", ""
    if kind in _BELONGS:
        return f"{_BELONGS[kind]}, not {_shown(value)}", ""
    return f"{entry['msg'][:1].lower()}{entry['msg'][1:]}, not {_shown(value)}", ""


def _in(path: tuple[str | int, ...], document: Document | None) -> str:
    """`` in flow 'public web'``: what the mapping at the path is called."""
    data: Any = document.data if document else None
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return ""
    if len(path) == 2 and path[0] in _ROWS and isinstance(data, Mapping):
        return f" in flow {data['name']!r}" if isinstance(data.get("name"), str) else f" in flow {int(path[1]) + 1}"
    return f" in {path[-1]!r}" if path and isinstance(path[-1], str) else ""


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return f"{str(value).lower()}" if isinstance(value, bool) else repr(value)


def _keys(model: type[BaseModel], path: tuple[str | int, ...]) -> tuple[str, ...]:
    """The keys that may stand in the mapping at the path."""
    models = [model]
    for step in path:
        following: list[type[BaseModel]] = []
        for known in models:
            field = next((f for n, f in known.model_fields.items() if step in (n, f.alias, f.validation_alias)), None)
            following.extend(_models(field.annotation) if field else ())
        # A step that is no field is a key of a dict, a place in a list, or a branch of a union.
        models = following or models
    return tuple(
        str(field.alias or (field.validation_alias if isinstance(field.validation_alias, str) else name))
        for known in models
        for name, field in known.model_fields.items()
    )


def _models(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    origin = get_origin(annotation)
    if origin is Annotated or origin in (Union, UnionType, dict, tuple, list):
        return [model for inner in get_args(annotation) for model in _models(inner)]
    return []
