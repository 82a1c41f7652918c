"""A twin written out: its topology, its policies and a first matrix, in a project's folders."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.cli.given import Given
from lab.cli.ready import ready_for
from lab.cli.under_way import UnderWay
from lab.errors import InputError, LabError, Problem
from lab.prepare.scene import Scene, twin_scene
from lab.report.file import write_file
from lab.report.plain import plain
from lab.ruleset.backend import Backend
from lab.study.exposure import Bare, measure
from lab.study.untold import unknown_places
from lab.twin.build import HOST
from lab.twin.characterise import Characterised, characterised, matrix_text
from lab.twin.matrix_words import Words
from lab.twin.twin import Twin
from lab.twin.written import file_name, topology_text
from lab.written.policy import ENDINGS

FAMILIES = (4, 6)


@dataclass(slots=True)
class _Screen:
    """How far the measurement is, on standard error."""

    _under_way: UnderWay = field(default_factory=UnderWay)

    def progress(self, done: int, of: int) -> None:
        if self._under_way.terminal is None or done == of:
            self._under_way.clear()
        else:
            self._under_way.tell(f"{done} of {of} questions, {self._under_way.seconds:.0f} s")


def lay_out(given: Given, into: Path, named: str | None, backend: Backend) -> None:
    """Write what is given out into a folder, under a name; raises InputError where one of the files is there already."""
    twin = given.twin(None if named is None else file_name(named))
    if not any(twin.policies.values()):
        what = f"{' and '.join(twin.hosts)} holds no rules: there is nothing that a matrix could say of them"
        raise InputError(Problem(what, mend="`lab trace` answers on it all the same"))
    scene = twin_scene(twin, {}, rendering=given.rendering(backend))
    name = file_name(named or "-".join(twin.hosts))
    names = {node: name if len(twin.hosts) == 1 else file_name(node) for node in twin.hosts}
    source = " ".join(Path(file).name for file in (given.dumps.files if given.dumps else ()))
    files = {f"topologies/{name}.yaml": topology_text(twin, name=name, source=source)}
    files |= dict(_policies(scene, names))
    matrix = f"matrices/{name}.yaml"
    _none_is_there(into, (*files, matrix))
    found = _measured(scene, twin, backend)
    policies = {node: one for node, one in names.items() if twin.policies.get(node)}
    files[matrix] = matrix_text(found, name=name, policies=policies, source=source, role=HOST)
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


def _measured(scene: Scene, twin: Twin, backend: Backend) -> Characterised:
    """What is so today, asked of the kernel."""
    bare = Bare(scene, backend, FAMILIES)
    ready_for([bare])
    report = measure([bare], FAMILIES, (), (), every_port=False, then=None, progress=_Screen().progress)
    if report.interrupted:
        raise KeyboardInterrupt
    if report.problems:
        raise LabError(report.problems)
    return characterised(report, Words(twin), unknown_places((*report.lost, *report.unsettled)))
