"""A node's policy as a matrix names it, and the files that it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from lab.errors import InputError, Problem, Where
from lab.written.files import NOT_ORDINARY, is_ordinary, is_special
from lab.written.interface import STRICT
from lab.written.messages import did_you_mean
from lab.written.shipped import advice
from lab.written.words import OneOrSeveral, ShortForm, Text, not_text, one_or_several, text_of

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
TEMPLATE = ".j2"
# The endings of a policy's files by their kind, in the order that they are loaded in: a ruleset may name the sets.
ENDINGS = {"ipset": ".ipset", "v4": ".rules", "v6": ".rules6", "nft": ".nft"}
RULESETS = ("v4", "v6", "nft")


@dataclass(frozen=True, slots=True)
class EnvVar:
    """A template variable that is taken from the environment, under its own name."""

    name: str


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """Where a policy's text comes from.

    ``folder`` is the policy's folder: nothing outside it is read.  ``v4`` is for iptables, ``v6`` for ip6tables, ``ipset``
    for both, ``nft`` for nft; each is a Jinja2 template if it ends in ``.j2``.  At least one of ``v4``, ``v6`` and ``nft`` is
    there, unless a file was named alone on the command line, or there is ``render``, a team's own renderer (argv).
    ``vars`` are in the order written, the later over the earlier.
    """

    name: str
    folder: Path
    v4: Path | None = None
    v6: Path | None = None
    ipset: Path | None = None
    nft: Path | None = None
    vars: tuple[Path | Mapping[str, object] | EnvVar, ...] = ()
    jinja: Mapping[str, object] = field(default_factory=dict)
    render: tuple[str, ...] | None = None

    def files(self) -> Mapping[str, Path]:
        """Its files by kind, in the order that they are loaded in: ipset, v4, v6, nft."""
        found = {"ipset": self.ipset, "v4": self.v4, "v6": self.v6, "nft": self.nft}
        return {kind: path for kind, path in found.items() if path is not None}

    def replacing(self, other: PolicyFiles) -> PolicyFiles:
        """``other`` with these files in the place of its own of the same kind, and with its variables and options.

        An nft script takes the place of iptables' files, and these take the place of an nft script.
        """
        iptables = self.v4 is not None or self.v6 is not None
        return replace(
            self,
            v4=self.v4 or (None if self.nft else other.v4),
            v6=self.v6 or (None if self.nft else other.v6),
            ipset=self.ipset or other.ipset,
            nft=self.nft or (None if iptables else other.nft),
            vars=other.vars,
            jinja=other.jinja,
        )


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
    v6: Text | None = Field(default=None, description="the ip6tables ruleset, or its template (*.j2)")
    ipset: Text | None = Field(default=None, description="the sets, in the format of `ipset save`, or their template (*.j2)")
    nft: Text | None = Field(default=None, description="the nft ruleset, or its template (*.j2)")
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
            beside = [key for key in (*ENDINGS, "vars", "jinja") if getattr(self, key)]
            if beside:
                raise ValueError(f"`render` makes the whole policy: {' and '.join(beside)} have no meaning beside it")
        elif self.name is None and not any(getattr(self, kind) for kind in RULESETS):
            without = "has sets, but no ruleset" if self.ipset else "has no ruleset"
            raise ValueError(f"the policy {without}: say which file it is, `v4: FILE`, `v6: FILE` or `nft: FILE`")
        elif self.name is not None:
            _inside(self.name)
        return self

    def files(self) -> Mapping[str, str]:
        """What is written of its files, by kind in the order that they are loaded in."""
        return {kind: file for kind in ENDINGS if (file := getattr(self, kind)) is not None}


APolicy = Annotated[PolicySpec, BeforeValidator(_short), ShortForm({"type": "string", "description": "its name"})]


def resolve_policy(
    value: PolicySpec | str | Path | Mapping[str, Any], folders: Sequence[Path], where: Where | None = None
) -> PolicyFiles:
    """The files of a policy.

    ``value`` is what the matrix says (a short name, a mapping, or the model), or a ``Path`` from the command line.
    A ``Path`` gives that one file, of the kind that its ending says (``.rules6``, ``.ipset``, ``.nft``, else ``v4``).
    ``folders`` are searched in order, the first that has a file of the policy wins.  Raises InputError.
    """
    if isinstance(value, Path):
        return _from_path(value, folders, where)
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


def _from_path(path: Path, folders: Sequence[Path], where: Where | None) -> PolicyFiles:
    if is_special(path):
        raise InputError(Problem(f"{path} {NOT_ORDINARY}", where, "put the file itself in its place"))
    if not is_ordinary(path):
        raise InputError(Problem(f"there is no policy file {str(path)!r}", where, _instead(path, folders)))
    return _of(_stem(path.name), path.parent, {_kind(path.name): path})


def _instead(path: Path, folders: Sequence[Path]) -> str:
    """What was probably meant by a file that is not there: the one of that name among the policies, or one that is like it."""
    found = next((folder / path for folder in folders if is_ordinary(folder / path)), None)
    if found is not None:
        return f"{found} is there: name it with its folder, or {_stem(path.name)} for the whole policy"
    looked = dict.fromkeys((path.parent, *folders))
    there = [file.name for folder in looked for file in _files(folder) if _is_ruleset(file.name)]
    return did_you_mean(path.name, there, f"rulesets in {' and '.join(map(str, looked))}") if there else ""


def _of(name: str, folder: Path, files: Mapping[str, Path]) -> PolicyFiles:
    return PolicyFiles(name, folder, files.get("v4"), files.get("v6"), files.get("ipset"), files.get("nft"))


def _kind(file: str) -> str:
    """The kind of a file by its ending; v4 for one that has none of them."""
    bare = file.removesuffix(TEMPLATE)
    return next((kind for kind, ending in ENDINGS.items() if bare.endswith(ending)), "v4")


def _stem(file: str) -> str:
    bare = file.removesuffix(TEMPLATE)
    return bare.removesuffix(ENDINGS[_kind(file)]) or bare


def _named(name: str, folders: Sequence[Path], where: Where | None) -> PolicyFiles:
    try:
        _inside(name)
    except ValueError as error:
        raise InputError(Problem(str(error), where)) from None
    for folder in folders:
        found = {kind: file for kind, ending in ENDINGS.items() if (file := _one(name, ending, kind, folder, where))}
        if not found:
            continue
        for file in found.values():
            _stays_inside(file, folder, where)
        if not found.keys() & set(RULESETS):
            what = f"of the policy {name!r} there is only {found['ipset'].name} in {folder}: its ruleset is missing"
            raise InputError(Problem(what, where, f"write one of {_endings(name, RULESETS)} beside it"))
        return _of(name, folder, found)
    files = (path for folder in folders for ending in ENDINGS.values() for path in _both(folder, name, ending))
    special = next(filter(is_special, files), None)
    if special is not None:
        raise InputError(Problem(f"{special} {NOT_ORDINARY}", where, "put the file itself in its place"))
    there = [_stem(path.name) for folder in folders for path in _files(folder) if _is_ruleset(path.name)]
    looked = ", ".join(str(folder) for folder in folders) or "no folder"
    what = f"there is no policy {name!r} in {looked}: none of {_endings(name, ENDINGS)}"
    raise InputError(Problem(what, where, advice("policies", name, did_you_mean(name, there, "policies there"))))


def _one(name: str, ending: str, kind: str, folder: Path, where: Where | None) -> Path | None:
    """The policy's file of one kind in a folder; an InputError where it is there as a template and as it is."""
    found = [path for path in _both(folder, name, ending) if is_ordinary(path)]
    if len(found) == 2:
        what = f"the policy {name!r} is there twice, as {found[0].name} and {found[1].name}"
        raise InputError(Problem(what, where, f"say which one: {{{kind}: {found[0].name}}}"))
    return found[0] if found else None


def _both(folder: Path, name: str, ending: str) -> tuple[Path, Path]:
    """A file as a template and as it is."""
    return folder / f"{name}{ending}{TEMPLATE}", folder / f"{name}{ending}"


def _endings(name: str, kinds: Iterable[str]) -> str:
    return ", ".join(f"{name}{ENDINGS[kind]}[{TEMPLATE}]" for kind in kinds)


def _is_ruleset(file: str) -> bool:
    return file.removesuffix(TEMPLATE).endswith(tuple(ENDINGS[kind] for kind in RULESETS))


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError:
        return []


def _in_full(spec: PolicySpec, folders: Sequence[Path], where: Where | None) -> PolicyFiles:
    written = spec.files()
    main = next(kind for kind in RULESETS if kind in written)
    folder, path = _find(written[main], folders, where)
    found = {main: path}
    problems: list[Problem] = []
    variables: list[Path | Mapping[str, object] | EnvVar] = []
    for kind in (kind for kind in written if kind != main):
        try:
            found[kind] = _find(written[kind], (folder,), where)[1]
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
    return replace(_of(_stem(path.name), folder, found), vars=tuple(variables), jinja=spec.jinja)


def _find(file: str, folders: Sequence[Path], where: Where | None) -> tuple[Path, Path]:
    try:
        _inside(file)
    except ValueError as error:
        raise InputError(Problem(str(error), where)) from None
    for folder in folders:
        if is_ordinary(path := folder / file):
            _stays_inside(path, folder, where)
            return folder, path
    looked = ", ".join(str(folder) for folder in folders) or "no folder"
    raise InputError(Problem(f"there is no file {file!r} in {looked}", where, advice("policies", file, "")))


def _stays_inside(path: Path, folder: Path, where: Where | None) -> None:
    """Refuse a link that leads out of the policies folder, and a policies folder that is one out of its project."""
    for link, around in ((path, folder), (folder, folder.parent)):
        if not link.resolve().is_relative_to(around.resolve()):
            what = f"{link} is a link that leads out of {around}"
            raise InputError(Problem(what, where, "name the file itself with --policy"))


def _inside(file: str) -> None:
    """Refuse what leads out of the policy's folder."""
    path = PurePosixPath(text_of(file))
    if not file or path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{file!r} leads out of the policies folder: files are named from there on")
