"""What was probably meant by words of the command line that name nothing, or do not make a command."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from lab.errors import InputError, Problem, Where
from lab.prepare.near import is_pasted
from lab.written.shipped import OPTION, is_shipped, shipped_matrix

_YAML = (".yaml", ".yml")
_OF_PORT = re.compile(r"(?P<end>[\w.@-]*[A-Za-z][\w.@-]*)[:/](?P<port>\d+)")
_OF_ADDRESS = re.compile(r"\[?(?P<end>\d+(?:\.\d+){3}|(?<=\[)[\w:.]+)\]?:(?P<port>\d+)")
_PROTO = re.compile(r"(?:tcp|udp|icmp|icmpv6)", re.IGNORECASE)


def no_such_file(path: Path, kind: str = "matrices") -> InputError:
    """The error of a matrix or topology file that is not there, with what is near it or is called so."""
    return InputError(Problem("there is no such file", Where(str(path)), next(_files_meant(path, kind), "")))


def _files_meant(path: Path, kind: str) -> Iterator[str]:
    named, name = str(path), path.name.removesuffix(path.suffix) if path.suffix in _YAML else path.name
    if is_pasted(named):
        yield f"a cell's id belongs behind -k of `lab run`, or in the place of a file there: lab run {named!r}"
    own = [Path(kind) / f"{name}{ending}" for ending in _YAML]
    yield from (f"did you mean {one}?" for one in own if one != path and one.is_file())
    if kind == "matrices" and any((Path("topologies") / f"{name}{ending}").is_file() for ending in _YAML):
        yield f"{name} is a topology: name a matrix that is about it, or say --topology {name}"
    if kind == "matrices" and any(Path("policies").glob(f"{name}.*")):
        yield f"{name} is a policy: name a matrix, and say --policy NODE={name}"
    for folder in dict.fromkeys((path.parent, Path(kind))):
        there = [one.name for one in folder.glob("*.y*ml")] if folder.is_dir() else []
        yield from (f"did you mean {folder / near}?" for near in get_close_matches(path.name, there, 1))
        stems = {one.rpartition(".")[0]: one for one in there}
        yield from (f"did you mean {folder / stems[near]}?" for near in get_close_matches(name, stems, 1))
    if kind == "matrices" and (shipped_matrix(name) or is_shipped("topologies", name)):
        what = "a matrix" if shipped_matrix(name) else "a topology"
        yield f"{name} is {what} among what is shipped: `lab init` lays it out here, {OPTION} takes it from there"


def flow_meant(command: str, words: Sequence[str]) -> str:
    """The line that was probably meant, where FROM TO SERVICE are not three words; empty where nobody knows."""
    if any(word.partition("=")[0] in ("--from", "--to", "--service") for word in words):
        return f"the ends and the service are words alone: lab {command} client gateway tcp/22"
    for number, word in enumerate(words):
        before, rest = words[:number], words[number + 1 :]
        if any(one.startswith("-") for one in before):
            break
        found = _OF_PORT.fullmatch(word) or _OF_ADDRESS.fullmatch(word)
        if found and number == 1:
            meant = [command, *before, found["end"], f"tcp/{found['port']}", *rest]
            return f"did you mean: lab {' '.join(meant)}"
        if _PROTO.fullmatch(word) and rest and not rest[0].startswith("-"):
            meant = [command, *before, f"{word.lower()}/{rest[0]}", *rest[1:]]
            return f"did you mean: lab {' '.join(meant)}"
    return ""
