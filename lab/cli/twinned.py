"""A twin written out: its topology, its policies and a first matrix, in a project's folders."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from lab.cli.characterising import FAMILIES, what_is_so
from lab.cli.given import Given
from lab.errors import InputError, Problem
from lab.prepare.scene import Scene, twin_scene
from lab.report.file import write_file
from lab.report.plain import plain
from lab.ruleset.backend import Backend
from lab.twin.build import HOST
from lab.twin.characterise import matrix_text
from lab.twin.written import file_name, topology_text
from lab.written.policy import ENDINGS


def lay_out(given: Given, into: Path, named: str | None, backend: Backend) -> None:
    """Write what is given out into a folder, under a name; raises InputError where one of the files is there already."""
    twin = given.twin(None if named is None else file_name(named))
    scene = twin_scene(twin, {}, rendering=given.rendering(backend))
    name = file_name(named or "-".join(twin.hosts))
    names = {node: name if len(twin.hosts) == 1 else file_name(node) for node in twin.hosts}
    source = " ".join(Path(file).name for file in (given.dumps.files if given.dumps else ()))
    files = {f"topologies/{name}.yaml": topology_text(twin, name=name, source=source)}
    files |= dict(_policies(scene, names))
    matrix = f"matrices/{name}.yaml"
    _none_is_there(into, (*files, matrix))
    policies = {node: one for node, one in names.items() if node in scene.policies}
    written = partial(matrix_text, name=name, policies=policies, source=source, role=HOST)
    found = what_is_so(scene, twin, backend, written)
    files[matrix] = written(found)
    for place, text in files.items():
        write_file(into / place, text)
    for note in scene.notes(FAMILIES):
        print(plain(f"note: {note}"), file=sys.stderr)
    for guess in twin.guesses:
        print(plain(f"guessed: {guess}"), file=sys.stderr)
    print(plain(f"{len(files)} files written into {into.resolve()}: {', '.join(files)}"))
    print(f"{len(twin.guesses)} guesses, each at its line of the topology; {len(found.rows)} rows of what is so today")
    print(f"next: read {matrix}, then lab run {matrix}" + ("" if into == Path() else f"   (in {into})"))


def _policies(scene: Scene, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The rules of each host, by their place; as given, or as they were mended."""
    for node, rulesets in scene.policies.items():
        for kind, ending in ENDINGS.items():
            rendered = getattr(rulesets, kind)
            if rendered is not None:
                yield f"policies/{names[node]}{ending}", rendered.text


def _none_is_there(into: Path, places: tuple[str, ...]) -> None:
    there = [place for place in places if (into / place).exists()]
    if there:
        mend = "nothing was written: take another --name, or another folder by --into"
        raise InputError([Problem(f"{into / place} is there already", mend=mend) for place in there])
