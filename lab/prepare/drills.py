"""A drill made ready to be played: its seed's values put in, its policies rendered, its rows resolved to cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from lab.errors import InputError, Problem
from lab.prepare.changed import held_plan
from lab.prepare.plan import Plan
from lab.prepare.policies import AS_IT_IS, Prepared, Rendering, prepare
from lab.prepare.scene import Scene
from lab.prepare.templates import Templates
from lab.record.way import Way
from lab.ruleset.rulesets import Rulesets
from lab.ruleset.unfilled import Unfilled
from lab.written.drill import PARTS, Drill, Headed, Value
from lab.written.drill_checks import check_on_topology
from lab.written.drill_file import LONGEST, drill_of, read_drill, templates_of
from lab.written.drill_parts import Typed
from lab.written.drill_rows import cells_of_part, rows_of_part
from lab.written.find_policy import resolve_policy
from lab.written.load import Folders, find_matrix, find_topology, load_topology, search_folders
from lab.written.policy import PolicyFiles, PolicySpec
from lab.written.topology import Topology
from lab.written.yaml_source import Document


@dataclass(frozen=True, slots=True)
class Play:
    """A drill with the values of one ``seed`` (``values``) in all of its texts.

    ``scene`` is the healthy lab; ``policies`` are those that faults name, by name; ``boots`` what each node boots into.
    ``matrices`` are the files of those that its parts name, by name.
    """

    file: Path
    drill: Drill
    seed: int
    values: Mapping[str, Value]
    scene: Scene
    policies: Mapping[str, Rulesets]
    boots: Mapping[str, Rulesets]
    matrices: Mapping[str, Path]
    rendering: Rendering = AS_IT_IS
    plans_of: dict[tuple[str | int, ...], Plan] = field(default_factory=dict, repr=False, compare=False)

    @property
    def topology(self) -> Topology:
        """What the lab is built of."""
        return self.scene.topology

    @property
    def fix(self) -> tuple[Typed, ...]:
        """The reference mend: what is typed at which node."""
        return self.drill.typed(self.drill.fix)

    @property
    def wrong(self) -> tuple[tuple[str, tuple[Typed, ...]], ...]:
        """Mends that are none: what is wrong with each, and what is typed at which node."""
        return tuple((one.about or one.typed[0].type[0], self.drill.typed(one.steps)) for one in self.drill.wrong)

    def cells(self, *part: str | int) -> Plan:
        """A part (``"symptom"``; ``"stages", 0, "check"``) as one plan: its rows, and the cells of the matrices that it names.

        A plan of a part that has nothing has no cells.  It is to be run on the lab that is up.  Raises InputError.
        """
        if part not in self.plans_of:
            self.plans_of[part] = self._plan(part)
        return self.plans_of[part]

    def _plan(self, part: tuple[str | int, ...]) -> Plan:
        backend = self.rendering.backend
        rows = rows_of_part(self.drill, self.topology, *part)
        cells = [*cells_of_part(self.drill, self.topology, *part)]
        for name in _names(self.drill, part):
            cells += held_plan(self.matrices[name], self.scene, backend, self.rendering).cells
        way = Way(str(backend), tuple((node, rows.matrix) for node in self.scene.policies))
        return Plan(self.file, rows, self.topology, self.scene.policies, tuple(cells), way=way)


def choose(heading: Headed, seed: int) -> dict[str, Value]:
    """The values that a seed chooses, the same on every machine and in every version of Python.

    `random.Random.random` gives the same numbers for the same text for ever, which none of its other methods promises.
    """
    numbers = Random(f"{heading.drill}:{seed}")
    return {name: several[int(numbers.random() * len(several))] for name, several in heading.vary.items()}


def filled_drill(
    file: Path, seed: int | None = None, templates: Templates | None = None
) -> tuple[Drill, dict[str, Value], int]:
    """The drill with the values of a seed, that is its first one unless it is given, and these; raises InputError."""
    with ExitStack() as stack:
        templates = templates or stack.enter_context(Templates())
        document, heading = read_drill(file)
        seed = heading.seeds[0] if seed is None else seed
        values = choose(heading, seed)
        return drill_of(document, _fill(document, values, templates)), values, seed


def play_of(
    file: Path, seed: int | None = None, *, rendering: Rendering = AS_IT_IS, templates: Templates | None = None,
    shipped: bool = True,
) -> Play:  # fmt: skip
    """The drill in ``file`` with the values of ``seed`` (its first one, unless it is given), ready to be played.

    Everything that it names is looked for as a matrix looks for it, and, with ``shipped``, among what is shipped.  Raises
    InputError with every problem found; nothing is built.
    """
    with ExitStack() as stack:
        templates = templates or stack.enter_context(Templates())
        drill, values, seed = filled_drill(file, seed, templates)
        folders = search_folders(file, shipped=shipped)
        found = find_topology(drill.topology, folders, drill.where("topology"))
        topology = load_topology(found, allow_commands=rendering.allow_commands)
        if problems := list(check_on_topology(drill, topology)):
            raise InputError(problems)
        making = _Making(drill, topology, folders, rendering, templates)
        scene = making.scene()
        play = Play(
            file, drill, seed, values, scene, making.of_faults(), making.boots(scene), making.matrices(), rendering
        )  # fmt: skip
        making.told()
    return _with_cells(play)


def _with_cells(play: Play) -> Play:
    """The play, whose every part can be asked; raises InputError with every problem found."""
    problems: list[Problem] = []
    stages = [("stages", number, part) for number in range(len(play.drill.stages)) for part in ("check", "kept")]
    for part in (*((one,) for one in PARTS), *stages, ("debrief", "row")):
        try:
            play.cells(*part)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(dict.fromkeys(problems))
    return play


def _fill(document: Document, values: Mapping[str, Value], templates: Templates) -> dict[tuple[str | int, ...], str]:
    """The texts of the drill that name values, filled in; raises InputError at the first that cannot be."""
    asked = templates_of(document)
    paths = list(asked)
    try:
        texts = templates.fill(list(asked.values()), values, LONGEST)
    except Unfilled as error:
        raise InputError(Problem(error.what, document.where(*paths[error.number]), error.mend)) from None
    except InputError as error:  # which of them it was, the process could not tell any more
        raise InputError(replace(problem, where=document.where()) for problem in error.problems) from None
    return dict(zip(paths, texts, strict=True))


@dataclass(slots=True)
class _Making:
    """Finds and renders what a drill names; what is wrong is collected, and told at the end."""

    drill: Drill
    topology: Topology
    folders: Folders
    rendering: Rendering
    templates: Templates
    problems: list[Problem] = field(default_factory=list)
    _made: dict[Any, Prepared] = field(default_factory=dict)

    def told(self) -> None:
        """Raise what was found to be wrong."""
        if self.problems:
            raise InputError(dict.fromkeys(self.problems))

    def scene(self) -> Scene:
        """The healthy lab."""
        prepared = dict(self._of_nodes("policies", self.drill.policies))
        return Scene(self.topology, {node: one.rulesets for node, one in prepared.items()}, prepared)

    def boots(self, scene: Scene) -> dict[str, Rulesets]:
        """What each node boots into: its policy, where nothing else is said."""
        booted = {node: one.rulesets for node, one in self._of_nodes("boot", self.drill.boot)}
        return {**scene.policies, **booted}

    def of_faults(self) -> dict[str, Rulesets]:
        """The policies that faults name, by name."""
        named: dict[str, tuple[tuple[str | int, ...], str]] = {
            name: (("faults", place, *keys), name)
            for place, fault in enumerate(self.drill.faults)
            for keys, name in fault.policies
        }
        made = {name: self._prepared(PolicySpec(name=name), *path) for name, (path, _) in named.items()}
        return {name: one.rulesets for name, one in made.items() if one is not None}

    def matrices(self) -> dict[str, Path]:
        """The files of the matrices that parts name."""
        found: dict[str, Path] = {}
        for path, name in _named_matrices(self.drill):
            try:
                found[name] = find_matrix(name, self.folders, self.drill.where(*path))
            except InputError as error:
                self.problems += error.problems
        return found

    def _of_nodes(self, part: str, policies: Mapping[str, PolicySpec]) -> Iterator[tuple[str, Prepared]]:
        for node, spec in policies.items():
            if (made := self._prepared(spec, part, node)) is not None:
                yield node, made

    def _prepared(self, spec: PolicySpec, *path: str | int) -> Prepared | None:
        try:
            files = resolve_policy(spec, self.folders.policies, self.drill.where(*path))
            if (known := self._of_files(files)) is None:
                known = self._made[spec.name] = prepare(files, self.topology, self.rendering, self.templates)
        except InputError as error:
            self.problems += error.problems
            return None
        return known

    def _of_files(self, files: PolicyFiles) -> Prepared | None:
        return next((made for made in self._made.values() if made.files == files), None)


def _names(drill: Drill, part: Sequence[str | int]) -> tuple[str, ...]:
    return tuple(name for path, name in _named_matrices(drill) if path[:-1] == tuple(part))


def _named_matrices(drill: Drill) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The matrices that parts of a drill name, each with its place in the file."""
    for part in PARTS:
        yield from (((part, place), item) for place, item in enumerate(getattr(drill, part)) if isinstance(item, str))
    for number, stage in enumerate(drill.stages):
        for part, items in (("check", stage.check), ("kept", stage.kept)):
            yield from (
                (("stages", number, part, place), item) for place, item in enumerate(items) if isinstance(item, str)
            )
