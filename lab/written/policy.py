"""A node's policy as a matrix names it, and the files that it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from lab.written.interface import STRICT
from lab.written.messages import did_you_mean
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
class Includes:
    """Where an nft script's absolute includes lie: a path of the host to a path in ``folder``; None: nothing is there."""

    folder: Path = Path()
    mapped: Mapping[PurePosixPath, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Piped:
    """A ruleset that came by a pipe which the command line names: its kind, its text, and what messages call the pipe."""

    kind: str
    text: str
    shown: str


Instead = str | Piped
"""What a person gives a node in the place of its policy: a policy's name, a file, or what came by a pipe."""


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """Where a policy's text comes from.

    ``folder`` is the policy's folder: nothing outside it is read.  ``v4`` is for iptables, ``v6`` for ip6tables, ``ipset``
    for both, ``nft`` for nft; each is a Jinja2 template if it ends in ``.j2``.  At least one of ``v4``, ``v6`` and ``nft`` is
    there, unless a file was named alone on the command line, or there is ``render``, a team's own renderer (argv).
    ``vars`` are in the order written, the later over the earlier; files of them are in ``vars_folder``, where that is another
    one.  ``notes`` are sentences for the reader of any result.
    """

    name: str
    folder: Path
    v4: Path | Piped | None = None
    v6: Path | Piped | None = None
    ipset: Path | Piped | None = None
    nft: Path | Piped | None = None
    vars: tuple[Path | Mapping[str, object] | EnvVar, ...] = ()
    jinja: Mapping[str, object] = field(default_factory=dict)
    render: tuple[str, ...] | None = None
    vars_folder: Path | None = None
    includes: Includes = field(default_factory=Includes)
    notes: tuple[str, ...] = ()

    def files(self) -> Mapping[str, Path]:
        """Its files by kind, in the order that they are loaded in: ipset, v4, v6, nft."""
        return {kind: source for kind, source in self.sources().items() if isinstance(source, Path)}

    def sources(self) -> Mapping[str, Path | Piped]:
        """The same, with what came by a pipe."""
        found = {"ipset": self.ipset, "v4": self.v4, "v6": self.v6, "nft": self.nft}
        return {kind: source for kind, source in found.items() if source is not None}

    def piped(self) -> tuple[Piped, ...]:
        """What of it came by a pipe."""
        return tuple(source for source in self.sources().values() if isinstance(source, Piped))

    def around(self, file: Path) -> Path:
        """The folder that a file of it has to lie in: its own, where it was named from elsewhere."""
        return self.folder if file.is_relative_to(self.folder) else file.parent

    def with_variables_of(self, other: PolicyFiles) -> PolicyFiles:
        """The same files with another one's variables and options, and its includes."""
        folder = other.vars_folder or other.folder
        return replace(self, vars=other.vars, jinja=other.jinja, vars_folder=folder, includes=other.includes)

    def replacing(self, other: PolicyFiles) -> PolicyFiles:
        """``other`` with these files in the place of its own of the same kind, and with its variables and options.

        An nft script takes the place of iptables' files, and these take the place of an nft script.
        """
        iptables = self.v4 is not None or self.v6 is not None
        return replace(
            self.with_variables_of(other),
            folder=self.folder if iptables or self.nft else other.folder,
            v4=self.v4 or (None if self.nft else other.v4),
            v6=self.v6 or (None if self.nft else other.v6),
            ipset=self.ipset or other.ipset,
            nft=self.nft or (None if iptables else other.nft),
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


def _includes(value: object) -> dict[str, str | None]:
    if not isinstance(value, Mapping) or not all(isinstance(one, str) or one is None for one in value.values()):
        raise ValueError("includes are written as a mapping: {/etc/nftables.d: FOLDER}, or null where nothing lies")
    for host, here in value.items():
        path = PurePosixPath(text_of(host))
        if not path.is_absolute() or ".." in path.parts:
            raise ValueError(f"{str(host)!r} is not an absolute path of the host, as its scripts include it")
        if here is not None:
            check_inside(here)
            if set(here) & set("*?["):
                raise ValueError(f"{here!r} has wildcards: the script's own are looked for in a folder that is named as it is")
    return dict(value)


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


def short(value: object) -> object:
    """What a matrix says of a policy as the model has it."""
    if isinstance(value, (str, PolicySpec)):
        return {"name": value} if isinstance(value, str) else value
    if isinstance(value, Mapping):
        if "name" in value:
            raise ValueError("a policy is written as its NAME alone, or as {v4: FILE, …}")
        return value
    if isinstance(value, (bool, int, float)):
        raise ValueError(not_text(value))
    raise ValueError("a policy is written as its NAME, or as {v4: FILE, vars: […]}")


def check_inside(file: str) -> None:
    """Refuse what leads out of the policy's folder."""
    path = PurePosixPath(text_of(file))
    if not file or path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{file!r} leads out of the policies folder: files are named from there on")


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
    includes: Annotated[
        dict[str, str | None],
        PlainValidator(_includes),
        WithJsonSchema({
            "type": "object",
            "propertyNames": {"pattern": "^/"},
            "additionalProperties": {"anyOf": [_FILE, {"type": "null"}]},
        }),
    ] = Field(default={}, description="where what the nft script includes by an absolute path lies in the policies folder")
    render: Annotated[tuple[Text, ...], BeforeValidator(one_or_several), OneOrSeveral()] | None = Field(
        default=None, description="the command of a team's own renderer; needs --allow-commands"
    )

    @model_validator(mode="after")
    def _whole(self) -> PolicySpec:
        if self.render is not None:
            if not self.render:
                raise ValueError("`render` names no command")
            beside = [key for key in (*ENDINGS, "vars", "jinja", "includes") if getattr(self, key)]
            if beside:
                raise ValueError(f"`render` makes the whole policy: {' and '.join(beside)} have no meaning beside it")
        elif self.name is None and not any(getattr(self, kind) for kind in RULESETS):
            without = "has sets, but no ruleset" if self.ipset else "has no ruleset"
            raise ValueError(f"the policy {without}: say which file it is, `v4: FILE`, `v6: FILE` or `nft: FILE`")
        elif self.name is not None:
            check_inside(self.name)
        return self

    def files(self) -> Mapping[str, str]:
        """What is written of its files, by kind in the order that they are loaded in."""
        return {kind: file for kind in ENDINGS if (file := getattr(self, kind)) is not None}


APolicy = Annotated[PolicySpec, BeforeValidator(short), ShortForm({"type": "string", "description": "its name"})]
