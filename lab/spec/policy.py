"""A node's policy as a matrix names it, and the files that it is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from lab.errors import InputError, Problem, Where
from lab.spec.messages import did_you_mean
from lab.spec.topology import STRICT
from lab.spec.words import OneOrSeveral, ShortForm, Text, not_text, one_or_several, text_of

JINJA_OPTIONS = (
    "block_start_string",
    "block_end_string",
    "variable_start_string",
    "variable_end_string",
    "comment_start_string",
    "comment_end_string",
    "trim_blocks",
    "lstrip_blocks",
    "keep_trailing_newline",
)
# The kinds of a policy's files in the order in which they are loaded, and what their names end in (`.j2` behind a template).
ENDINGS: Mapping[str, str] = {"ipset": ".ipset", "v4": ".rules", "v6": ".rules6", "nft": ".nft"}
_RULES = ("v4", "v6", "nft")


@dataclass(frozen=True, slots=True)
class EnvVar:
    """A template variable that is taken from the environment, under its own name."""

    name: str


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """Where a policy's text comes from.

    ``folder`` is the policy's folder: nothing outside it is read.  ``files`` are by kind in the order of `ENDINGS`, each a
    Jinja2 template if it ends in ``.j2``; without any there is ``render``, a team's own renderer (argv).  ``vars`` are in the
    order written, the later over the earlier.
    """

    name: str
    folder: Path
    files: Mapping[str, Path] = field(default_factory=dict)
    vars: tuple[Path | Mapping[str, object] | EnvVar, ...] = ()
    jinja: Mapping[str, object] = field(default_factory=dict)
    render: tuple[str, ...] | None = None

    def replacing(self, other: PolicyFiles) -> PolicyFiles:
        """``other`` with these files in the place of its own of the same kind, and with its variables and options.

        An nft script takes the place of iptables' files, and these take the place of an nft script.
        """
        own = dict(self.files)
        instead = {"v4", "v6"} if "nft" in own else {"nft"} if {"v4", "v6"} & own.keys() else set()
        together = {kind: path for kind, path in other.files.items() if kind not in instead} | own
        files = {kind: together[kind] for kind in ENDINGS if kind in together}
        return PolicyFiles(self.name, self.folder, files, other.vars, other.jinja)


def _variables(value: object) -> str | Mapping[str, object] | EnvVar:
    if isinstance(value, (str, EnvVar)):
        return value
    if isinstance(value, Mapping) and len(value) == 1:
        if isinstance(name := value.get("env"), str):
            return EnvVar(name)
        if isinstance(values := value.get("inline"), Mapping):
            return dict(values)
    raise ValueError("variables are written as FILE, {inline: {NAME: VALUE}} or {env: NAME}")


def _jinja(value: object) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise ValueError("Jinja2's options are written as a mapping: {trim_blocks: true}")
    for key, setting in value.items():
        if key not in JINJA_OPTIONS:
            raise ValueError(f"{key!r} is not an option of Jinja2\n{did_you_mean(str(key), JINJA_OPTIONS)}")
        if not isinstance(setting, (str, bool)) and setting is not None:
            raise ValueError(f"{key!r} is text or true/false, not {setting!r}")
    return dict(value)


_FILE: dict[str, object] = {"type": "string"}
_VARIABLES: dict[str, object] = {
    "anyOf": [
        _FILE,
        {"type": "object", "properties": {"inline": {"type": "object"}}, "required": ["inline"], "maxProperties": 1},
        {"type": "object", "properties": {"env": _FILE}, "required": ["env"], "maxProperties": 1},
    ]
}
Variables = Annotated[str | Mapping[str, object] | EnvVar, PlainValidator(_variables), WithJsonSchema(_VARIABLES)]


def _short(value: object) -> object:
    if isinstance(value, (str, PolicySpec)):
        return {"name": value} if isinstance(value, str) else value
    if isinstance(value, Mapping):
        if "name" in value:
            raise ValueError("a policy is written as its NAME alone, or as {v4: FILE, …}")
        return value
    if isinstance(value, (bool, int, float)):
        raise ValueError(not_text(value))
    raise ValueError("a policy is written as its NAME, or as {v4: FILE, vars: […]}")


class PolicySpec(BaseModel):
    """What a matrix says of a node's policy: a short name, its files, or the command that renders it."""

    model_config = STRICT

    name: str | None = Field(default=None, exclude=True)
    v4: Text | None = Field(default=None, description="the iptables ruleset, or its template (*.j2)")
    v6: Text | None = Field(default=None, description="the ip6tables ruleset, or its template")
    ipset: Text | None = Field(default=None, description="the sets, in the format of `ipset save`, or their template")
    nft: Text | None = Field(default=None, description="the nft script, or its template")
    vars: Annotated[
        tuple[Variables, ...],
        BeforeValidator(one_or_several),
        WithJsonSchema({"anyOf": [_VARIABLES, {"type": "array", "items": _VARIABLES}]}),
    ] = Field(default=(), description="the template's variables; a later entry goes over an earlier one")
    jinja: Annotated[
        dict[str, object],
        PlainValidator(_jinja),
        WithJsonSchema({"type": "object", "propertyNames": {"enum": list(JINJA_OPTIONS)}}),
    ] = Field(default={}, description="options of Jinja2, as in production")
    render: Annotated[tuple[Text, ...], BeforeValidator(one_or_several), OneOrSeveral()] | None = Field(
        default=None, description="the command of a team's own renderer; needs --allow-commands"
    )

    @model_validator(mode="after")
    def _whole(self) -> PolicySpec:
        if self.render is not None:
            if not self.render:
                raise ValueError("`render` names no command")
            if self.v4 or self.v6 or self.ipset or self.nft or self.vars or self.jinja:
                raise ValueError("`render` makes the whole policy: files, vars and jinja have no meaning beside it")
        elif self.name is None and not (self.v4 or self.v6 or self.nft):
            raise ValueError("the policy has no ruleset: say which file or template is its `v4`, `v6` or `nft`")
        elif self.name is not None:
            _inside(self.name)
        return self


APolicy = Annotated[PolicySpec, BeforeValidator(_short), ShortForm({"type": "string", "description": "its name"})]


def resolve_policy(
    value: PolicySpec | str | Path | Mapping[str, Any], folders: Sequence[Path], where: Where | None = None
) -> PolicyFiles:
    """The files of a policy.

    ``value`` is what the matrix says (a short name, a mapping, or the model), or a ``Path`` from the command line.
    ``folders`` are searched in order, the first that has the policy's main file wins.  Raises InputError.
    """
    if isinstance(value, Path):
        return _from_path(value, where)
    if isinstance(value, str):
        return _named(value, folders, where)
    spec = value if isinstance(value, PolicySpec) else PolicySpec.model_validate(_short(value))
    if spec.name is not None:
        return _named(spec.name, folders, where)
    if spec.render is not None:
        folder = next((folder for folder in folders if folder.is_dir()), None)
        if folder is None:
            raise InputError(Problem("there is no policies folder to run the renderer in", where))
        return PolicyFiles(Path(spec.render[0]).name, folder, render=spec.render)
    return _in_full(spec, folders, where)


def _from_path(path: Path, where: Where | None) -> PolicyFiles:
    if not path.is_file():
        raise InputError(Problem(f"there is no policy file {str(path)!r}", where))
    kind = next((kind for kind, ending in ENDINGS.items() if path.name.removesuffix(".j2").endswith(ending)), "v4")
    return PolicyFiles(_stem(path.name), path.parent, {kind: path})


def _stem(file: str) -> str:
    name = file.removesuffix(".j2")
    for ending in ENDINGS.values():
        if name.endswith(ending) and name != ending:
            return name.removesuffix(ending)
    return name


def _named(name: str, folders: Sequence[Path], where: Where | None) -> PolicyFiles:
    try:
        _inside(name)
    except ValueError as error:
        raise InputError(Problem(str(error), where)) from None
    for folder in folders:
        found: dict[str, Path] = {}
        for kind, ending in ENDINGS.items():
            there = [path for path in (folder / f"{name}{ending}.j2", folder / f"{name}{ending}") if path.is_file()]
            if len(there) == 2:
                what = f"the policy {name!r} is there twice, as {there[0].name} and {there[1].name}"
                raise InputError(Problem(what, where, f"say which one: {{{kind}: {there[0].name}}}"))
            for path in there:
                _stays_inside(path, folder, where)
                found[kind] = path
        if any(kind in found for kind in _RULES):
            return PolicyFiles(name, folder, found)
        if found:
            what = f"of the policy {name!r} there is only {found['ipset'].name} in {folder}: its ruleset is missing"
            raise InputError(Problem(what, where, f"{name}.rules, {name}.rules6 or {name}.nft, with .j2 behind a template"))
    known = dict.fromkeys(_stem(path.name) for folder in folders for path in _files(folder) if _is_ruleset(path.name))
    looked = ", ".join(str(folder) for folder in folders) or "no folder"
    endings = " or ".join(f"{name}{ENDINGS[kind]}" for kind in _RULES)
    what = f"there is no policy {name!r} ({endings}, with .j2 behind a template) in {looked}"
    raise InputError(Problem(what, where, did_you_mean(name, known, "policies there")))


def _is_ruleset(file: str) -> bool:
    return file.removesuffix(".j2").endswith(tuple(ENDINGS[kind] for kind in _RULES))


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _in_full(spec: PolicySpec, folders: Sequence[Path], where: Where | None) -> PolicyFiles:
    named = {kind: file for kind in ENDINGS if (file := getattr(spec, kind)) is not None}
    first = next(iter(named.values()))
    folder, _ = _find(first, folders, where)
    problems: list[Problem] = []
    found: dict[str, Path] = {}
    variables: list[Path | Mapping[str, object] | EnvVar] = []
    for kind, file in named.items():
        try:
            found[kind] = _find(file, (folder,), where)[1]
        except InputError as error:
            problems.extend(error.problems)
    for entry in spec.vars:
        if not isinstance(entry, str):
            variables.append(entry)
            continue
        try:
            variables.append(_find(entry, (folder,), where)[1])
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    name = _stem(next(path for kind, path in found.items() if kind in _RULES).name)
    return PolicyFiles(name, folder, found, tuple(variables), spec.jinja)


def _find(file: str, folders: Sequence[Path], where: Where | None) -> tuple[Path, Path]:
    try:
        _inside(file)
    except ValueError as error:
        raise InputError(Problem(str(error), where)) from None
    for folder in folders:
        if (path := folder / file).is_file():
            _stays_inside(path, folder, where)
            return folder, path
    looked = ", ".join(str(folder) for folder in folders) or "no folder"
    raise InputError(Problem(f"there is no file {file!r} in {looked}", where))


def _stays_inside(path: Path, folder: Path, where: Where | None) -> None:
    """Refuse a link that leads out of the policy's folder."""
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(Problem(f"{path} is a link that leads out of {folder}", where, "name the file itself with --policy"))


def _inside(file: str) -> None:
    """Refuse what leads out of the policy's folder."""
    path = PurePosixPath(text_of(file))
    if not file or path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{file!r} leads out of the policies folder: files are named from there on")
