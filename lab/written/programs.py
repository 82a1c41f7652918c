"""Programs that go on in a node: what a topology says of them, and what it may."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from lab.errors import Problem
from lab.written.interface import STRICT
from lab.written.messages import did_you_mean
from lab.written.service import read_services
from lab.written.words import OneOrSeveral, one_or_more, one_or_several, several, text_of

if TYPE_CHECKING:
    from lab.written.topology import Topology

SERVED = {"ftp": ("tcp", 21)}
"""The servers that the lab brings, and where each listens."""
OWN_FOLDERS = ("/run/", "/tmp/")
MAX_FILES = 1 << 20  # characters of all files of a program
_READY = "how it is seen to be ready is written tcp/21, udp/53, notifies, or {prints: TEXT}"


class Ready(BaseModel):
    """Who tells that a program is ready: a port that it listens on, a text that it prints, or itself (sd_notify)."""

    model_config = STRICT

    proto: str | None = None
    port: int | None = None
    prints: str | None = None


def _ready(value: object) -> Ready:
    if isinstance(value, Ready):
        return value
    if value == "notifies":
        return Ready()
    if isinstance(value, Mapping) and tuple(value) == ("prints",):
        text = text_of(value["prints"])
        if not text:
            raise ValueError(f"every program prints an empty text\n{_READY}")
        return Ready(prints=text)
    if not isinstance(value, str):
        raise ValueError(_READY)
    (service,) = read_services(value)
    if service.proto not in ("tcp", "udp") or service.port_count > 1:
        raise ValueError(f"{value!r} is not one port of tcp or udp\n{_READY}")
    return Ready(proto=service.proto, port=service.ports[0][0])


def _untellable(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL can be told to no program")
    return text


def _word(value: object) -> str:
    return _untellable(text_of(value))


def _command(value: object) -> object:
    if isinstance(value, str) and len(words := value.split()) > 1:
        raise ValueError(f"{value!r} is one word, as no shell takes it apart\nwrite its words as a list: [{', '.join(words)}]")
    return one_or_more(value)


def _written(ready: Ready | None) -> object:
    if ready is None or ready.proto is not None:
        return None if ready is None else f"{ready.proto}/{ready.port}"
    return "notifies" if ready.prints is None else {"prints": ready.prints}


def _served(value: object) -> str:
    text = text_of(value)
    if text == "tftp":
        raise ValueError("tftp needs no program: the lab itself answers `tftp/read`\nopen it: services: [udp/69]")
    if text not in SERVED:
        raise ValueError(f"{text!r} is no server that the lab brings\n{did_you_mean(text, SERVED, 'the lab brings')}")
    return text


def _path(value: object) -> str:
    text = _word(value)
    if not text.startswith(OWN_FOLDERS) or ".." in PurePosixPath(text).parts or PurePosixPath(text).name == "":
        raise ValueError(f"{text!r} is not below /run or /tmp, where a program of a node may write\nput it there: /run/x.conf")
    return text


def _variable(value: object) -> str:
    text = _word(value)
    if not text or "=" in text:
        raise ValueError(f"{text!r} cannot be the name of a variable")
    return text


AReady = Annotated[
    Ready,
    PlainValidator(_ready),
    PlainSerializer(_written),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {"prints": {"type": "string"}},
                    "required": ["prints"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
Words = Annotated[
    tuple[Annotated[str, PlainValidator(_word)], ...], BeforeValidator(_command), several({"type": "string"})
]
_STRING: dict[str, object] = {"type": "string"}
OwnPath = Annotated[str, PlainValidator(_path), WithJsonSchema(_STRING)]
Variable = Annotated[str, PlainValidator(_variable), WithJsonSchema(_STRING)]
AText = Annotated[str, PlainValidator(_word), WithJsonSchema(_STRING)]


class ProgramSpec(BaseModel):
    """One program of a node: a server that the lab brings, or a command."""

    model_config = STRICT

    serve: Annotated[str, PlainValidator(_served), WithJsonSchema({"enum": [*SERVED]})] | None = Field(
        default=None, description="a server that the lab brings: ftp, which listens on tcp/21"
    )
    run: Words | None = Field(default=None, description="a command, as a list of its words; needs --allow-commands")
    ready: AReady | None = Field(default=None, description="who tells that it is ready: tcp/21, {prints: TEXT}, notifies")
    files: dict[OwnPath, AText] = Field(default={}, description="files that lie there when it starts: {/run/x.conf: TEXT}")
    environment: dict[Variable, AText] = Field(default={}, description="variables of its environment: {NAME: TEXT}")

    @model_validator(mode="after")
    def _one_of_both(self) -> ProgramSpec:
        if (self.serve is None) is (self.run is None):
            raise ValueError("a program is a server that the lab brings, or a command\n{serve: ftp}, or {run: […], ready: …}")
        if self.serve is not None and len(self.model_fields_set) > 1:
            raise ValueError(f"`serve: {self.serve}` stands alone: the lab knows how it is started, and when it is ready")
        if self.run is not None and self.ready is None:
            raise ValueError(f"`ready` is missing: no question is asked before it is there\n{_READY}")
        if sum(map(len, self.files.values())) > MAX_FILES:
            raise ValueError(f"its files are longer than {MAX_FILES:,} characters together")
        return self

    @property
    def shown(self) -> str:
        """What it is called in messages."""
        return f"`serve: {self.serve}`" if self.run is None else " ".join(self.run)[:80]

    @property
    def listens(self) -> tuple[str, int] | None:
        """The protocol and port that it is known to listen on."""
        if self.serve is not None:
            return SERVED[self.serve]
        if self.ready is None or self.ready.proto is None or self.ready.port is None:
            return None
        return self.ready.proto, self.ready.port


ASK_OTHERWISE = "an FTP server is asked by `service: ftp/control`, `ftp/passive` or `ftp/active`; or take the program out"


def has_the_port(program: ProgramSpec) -> str:
    """That the lab cannot listen where a program does."""
    proto, port = program.listens or ("", 0)
    return f"{program.shown} listens on {proto}/{port}, so that the lab cannot take in what is sent there"


def check_programs(topology: Topology) -> Iterator[Problem]:
    """What of a node's programs does not fit together, or with its services."""
    for name, node in topology.nodes.items():
        taken: dict[tuple[str, int], str] = {}
        for index, program in enumerate(node.programs):
            where = topology.where("nodes", name, "programs", index)
            if (listens := program.listens) is None:
                continue
            proto, port = listens
            if listens in taken:
                yield Problem(f"node {name}: {taken[listens]} listens on {proto}/{port} already", where)
            taken[listens] = program.shown
            if any(one.proto == proto and any(low <= port <= high for low, high in one.ports) for one in node.services):
                what = f"node {name}: {program.shown} listens on {proto}/{port}, which `services` would have the lab open"
                yield Problem(what, where, f"take {proto}/{port} out of its services")


def check_allowed(topology: Topology) -> Iterator[Problem]:
    """The commands that a topology would run, where nobody allowed any."""
    for name, node in topology.nodes.items():
        for index, program in enumerate(node.programs):
            if program.run is not None:
                yield Problem(
                    f"node {name} runs the command {program.shown!r}, which was not allowed",
                    topology.where("nodes", name, "programs", index, "run"),
                    "allow it with --allow-commands, if you trust this project",
                )


Programs = Annotated[tuple[ProgramSpec, ...], BeforeValidator(one_or_several), OneOrSeveral()]
