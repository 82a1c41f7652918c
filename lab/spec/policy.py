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
_NOT_YET = {"v6": "IPv6 rulesets", "ipset": "ipsets", "nft": "nft rulesets"}
_BESIDE = (".rules6.j2", ".rules6", ".ipset.j2", ".ipset", ".nft.j2", ".nft")


@dataclass(frozen=True, slots=True)
class EnvVar:
    """A template variable that is taken from the environment, under its own name."""

    name: str


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """Where a policy's text comes from.

    ``folder`` is the policy's folder: nothing outside it is read.  ``v4`` is a Jinja2 template if it ends in ``.j2``,
    and None only with ``render``, a team's own renderer (argv).  ``vars`` are in the order written, the later over the earlier.
    ``unsupported`` names files that lie beside and are not loaded by this version.
    """

    name: str
    folder: Path
    v4: Path | None = None
    vars: tuple[Path | Mapping[str, object] | EnvVar, ...] = ()
    jinja: Mapping[str, object] = field(default_factory=dict)
    render: tuple[str, ...] | None = None
    unsupported: tuple[str, ...] = ()

    @property
    def is_template(self) -> bool:
        """Whether ``v4`` is to be rendered, rather than taken as it is."""
        return self.v4 is not None and self.v4.suffix == ".j2"


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


def _not_yet(_value: object) -> None:
    raise ValueError("not yet: this version loads IPv4 rulesets of iptables only")


_FILE: dict[str, object] = {"type": "string"}
_VARIABLES: dict[str, object] = {
    "anyOf": [
        _FILE,
        {"type": "object", "properties": {"inline": {"type": "object"}}, "required": ["inline"], "maxProperties": 1},
        {"type": "object", "properties": {"env": _FILE}, "required": ["env"], "maxProperties": 1},
    ]
}
Variables = Annotated[str | Mapping[str, object] | EnvVar, PlainValidator(_variables), WithJsonSchema(_VARIABLES)]
NotYet = Annotated[None, PlainValidator(_not_yet), WithJsonSchema({"not": {}, "description": "not yet"})]


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
    v6: NotYet = None
    ipset: NotYet = None
    nft: NotYet = None
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
            if self.v4 or self.vars or self.jinja:
                raise ValueError("`render` makes the whole policy: v4, vars and jinja have no meaning beside it")
        elif self.name is None and self.v4 is None:
            raise ValueError("the policy has no `v4`: say which ruleset or template it is")
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
    return PolicyFiles(_stem(path.name), path.parent, path)


def _stem(file: str) -> str:
    name = file.removesuffix(".j2")
    return name.removesuffix(".rules") or name


def _named(name: str, folders: Sequence[Path], where: Where | None) -> PolicyFiles:
    try:
        _inside(name)
    except ValueError as error:
        raise InputError(Problem(str(error), where)) from None
    for folder in folders:
        found = [path for ending in (".rules.j2", ".rules") if (path := folder / f"{name}{ending}").is_file()]
        beside = tuple(f"{name}{ending}" for ending in _BESIDE if (folder / f"{name}{ending}").is_file())
        if len(found) == 2:
            what = f"the policy {name!r} is there twice, as {found[0].name} and {found[1].name}"
            raise InputError(Problem(what, where, f"say which one: {{v4: {found[0].name}}}"))
        if found:
            _stays_inside(found[0], folder, where)
            return PolicyFiles(name, folder, found[0], unsupported=beside)
        if beside:
            what = f"not yet: of the policy {name!r} there is only {', '.join(beside)} in {folder}"
            raise InputError(Problem(what, where, f"this version loads {name}.rules.j2 or {name}.rules"))
    there = [_stem(path.name) for folder in folders for path in _files(folder) if ".rules" in path.name]
    looked = ", ".join(str(folder) for folder in folders) or "no folder"
    what = f"there is no policy {name!r} ({name}.rules.j2 or {name}.rules) in {looked}"
    raise InputError(Problem(what, where, did_you_mean(name, there, "policies there")))


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _in_full(spec: PolicySpec, folders: Sequence[Path], where: Where | None) -> PolicyFiles:
    assert spec.v4 is not None
    folder, main = _find(spec.v4, folders, where)
    problems: list[Problem] = []
    variables: list[Path | Mapping[str, object] | EnvVar] = []
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
    return PolicyFiles(_stem(main.name), folder, main, tuple(variables), spec.jinja)


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
