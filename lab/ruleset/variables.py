"""The variables of a policy: YAML files, inline values and the environment, merged in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeGuard

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from lab.errors import InputError, Problem, Where

Part = str | Path | Mapping[str, object]


def load_variables(
    parts: Iterable[Part], environ: Mapping[str, str], *, folder: Path | None = None
) -> dict[str, object]:
    """The variables of these parts; where two give one name, the later wins, with its whole value.

    A part is a YAML file (relative to ``folder``), a mapping of inline values, or ``{env: NAME}``, which gives the
    environment's variable NAME as a string of that name.  Raises InputError with every problem found.
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
    if isinstance(part, Mapping):
        name = part.get("env")
        if len(part) == 1 and isinstance(name, str):
            return {name: _from_environment(name, environ)}
        return part
    return _from_file(folder / part)


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    try:
        return environ[name]
    except KeyError:
        raise InputError(Problem(
            f"the environment has no variable {name}, which the policy's `vars` take from it (`env: {name}`)",
            mend=f"set it before the run: {name}=… lab run",
        )) from None


def _from_file(path: Path) -> Mapping[str, object]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(Problem(
            f"the file of variables cannot be read ({error.strerror})", Where(str(path)), "correct its name in `vars`",
        )) from None
    except UnicodeDecodeError as error:
        raise InputError(Problem(
            f"the file of variables is not UTF-8 (byte {error.start})", Where(str(path)), "save it as UTF-8",
        )) from None
    try:
        values: object = YAML(typ="safe").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = Where(str(path), mark.line + 1, mark.column + 1) if mark else Where(str(path))
        raise InputError(Problem(f"not YAML: {error.problem or error}", where, "mend the YAML")) from None
    except (YAMLError, ValueError) as error:
        raise InputError(Problem(f"not YAML: {error}", Where(str(path)), "mend the YAML")) from None
    if values is None:
        return {}
    if not _names_values(values):
        raise InputError(Problem(
            "a file of variables must be a mapping of names to values", Where(str(path), 1), "write `name: value`",
        ))
    return values


def _names_values(values: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(values, Mapping) and all(isinstance(name, str) for name in values)
