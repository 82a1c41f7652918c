"""Drill files: found by name, read, and made to a drill once their texts are filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from lab.errors import InputError, Problem
from lab.written.drill import Drill, Heading
from lab.written.drill_checks import check_drill
from lab.written.files import is_ordinary
from lab.written.load import project_of
from lab.written.messages import did_you_mean, validated
from lab.written.shipped import advice, shipped_root
from lab.written.yaml_source import MAX_PROBLEMS, Document, Map, Seq, load_yaml

FOLDER = "drills"
LONGEST = 256 * 1024
"""Characters of all texts of a drill, filled in."""
_BEGINS = ("{{", "{%", "{#")
_AS_THEY_ARE = tuple(Heading.model_fields)
Path_ = tuple[str | int, ...]


def read_drill(file: Path) -> tuple[Document, Heading]:
    """The file as it is, and what it says of itself; raises InputError with every problem of these keys."""
    document = load_yaml(file, free=("policies", "boot"), within=project_of(file))
    heading = validated(Heading, document)
    if heading.drill != file.stem:
        what = f"this is drill {heading.drill!r}, and its file is called {file.name}"
        raise InputError(Problem(what, document.where("drill"), f"call the file {heading.drill}.yaml"))
    return document, heading


def templates_of(document: Document) -> Mapping[Path_, str]:
    """The texts of a drill that are to be filled in, by their place in the file."""
    return {path: text for path, text in _texts(document.data) if any(mark in text for mark in _BEGINS)}


def drill_of(document: Document, filled: Mapping[Path_, str]) -> Drill:
    """The drill with these texts in the place of those that stand in the file; raises InputError with every problem found."""
    whole = replace(document, data=_filled(document.data, filled, ()))
    if sum(len(text) for _, text in _texts(whole.data)) > LONGEST:
        raise InputError(Problem(f"its texts are longer than {LONGEST:,} characters", whole.where(), "make them shorter"))
    drill = validated(Drill, whole)
    drill.remember(whole)
    if problems := list(islice(check_drill(drill), MAX_PROBLEMS)):
        raise InputError(problems)
    return drill


def drill_files(*, shipped: bool = True) -> Mapping[str, Path]:
    """The drills that there are, by name: those of ``drills/`` in the working folder, then what is shipped."""
    roots = (Path(), *((shipped_root(),) if shipped else ()))
    found: dict[str, Path] = {}
    for root in roots:
        for file in sorted((*(root / FOLDER).glob("*.yaml"), *(root / FOLDER).glob("*.yml"))):
            if is_ordinary(file):
                found.setdefault(file.stem, file)
    return found


def find_drill(name: str, *, shipped: bool = True) -> Path:
    """The file of a drill, by its name or its path; InputError lists what there is."""
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return Path(name)
    there = drill_files(shipped=shipped)
    if name in there:
        return there[name]
    mend = advice(FOLDER, name, did_you_mean(name, there, "the drills"))
    raise InputError(Problem(f"there is no drill {name!r}", mend=mend or "`lab drill new NAME` writes one"))


def _texts(data: Any, path: Path_ = ()) -> Iterator[tuple[Path_, str]]:
    if isinstance(data, str):
        yield path, data
    elif isinstance(data, Mapping):
        for key, value in data.items():
            if path or key not in _AS_THEY_ARE:
                yield from _texts(value, (*path, key))
    elif isinstance(data, (list, tuple)):
        for place, value in enumerate(data):
            yield from _texts(value, (*path, place))


def _filled(data: Any, texts: Mapping[Path_, str], path: Path_) -> Any:
    """The same with these texts, each part where it stood."""
    if isinstance(data, str):
        return texts.get(path, data)
    if isinstance(data, Map):
        copy = Map(data.mark)
        copy.marks = data.marks
        copy.update((key, _filled(value, texts, (*path, key))) for key, value in data.items())
        return copy
    if isinstance(data, Seq):
        several = Seq(data.mark)
        several.marks = data.marks
        several.extend(_filled(value, texts, (*path, place)) for place, value in enumerate(data))
        return several
    return data


