"""The variables of a policy: YAML files, inline values and the environment, merged in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeGuard

from lab.errors import InputError, Problem, Where
from lab.written.yaml_source import load_yaml

Part = str | Path | Mapping[str, object]


def load_variables(
    parts: Iterable[Part], environ: Mapping[str, str], *, folder: Path | None = None
) -> dict[str, object]:
    """The variables of these parts; where two give one name, the later wins, with its whole value.

    A part is a YAML file, which lies in ``folder`` (a string is relative to it), or as a matrix has it
    ``{inline: {NAME: VALUE}}``, or ``{env: NAME}``, which gives the environment's variable NAME as a string of that name.
    Raises InputError with every problem found.

    >>> load_variables([{"inline": {"wan": "eth0"}}, {"env": "SITE"}], {"SITE": "north"})
    {'wan': 'eth0', 'SITE': 'north'}
    """
    merged: dict[str, object] = {}
    problems: list[Problem] = []
    for part in parts:
        try:
            merged.update(_values(part, environ, folder or Path()))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return merged


def _values(part: Part, environ: Mapping[str, str], folder: Path) -> Mapping[str, object]:
    if not isinstance(part, Mapping):
        return _from_file(folder / part if isinstance(part, str) else part, folder)
    if isinstance(name := part.get("env"), str):
        return {name: _from_environment(name, environ)}
    inline = part["inline"]
    assert isinstance(inline, Mapping)
    return inline


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    try:
        return environ[name]
    except KeyError:
        raise InputError(Problem(
            f"the environment has no variable {name}, which the policy's `vars` take from it (`env: {name}`)",
            mend=f"set it before the run: {name}=… lab run",
        )) from None


def _from_file(path: Path, folder: Path) -> Mapping[str, object]:
    document = load_yaml(path, free=..., within=folder)
    values: object = document.data
    if values is None:
        return {}
    if not _names_values(values):
        what = "a file of variables must be a mapping of names to values"
        raise InputError(Problem(what, Where(document.file, 1), "write `name: value`"))
    return values


def _names_values(values: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(values, Mapping) and all(isinstance(name, str) for name in values)
