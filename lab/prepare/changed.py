"""A change made ready: the scenes of its two sides, and the plans of what it intends and of what must hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lab.errors import InputError, Problem
from lab.prepare.plan import Plan
from lab.prepare.policies import AS_IT_IS, Rendering, prepare
from lab.prepare.scene import Scene
from lab.prepare.templates import Templates
from lab.record.way import Way
from lab.ruleset.backend import Backend
from lab.written.cell import Cell
from lab.written.cells import expand
from lab.written.change import Change
from lab.written.find_policy import resolve_policy
from lab.written.intended import intended_rows
from lab.written.load import find_topology, load_matrix, load_topology, search_folders
from lab.written.matrix import Matrix
from lab.written.policy import PolicyFiles, PolicySpec
from lab.written.topology import Topology


class ChangedScenes(NamedTuple):
    """Both sides of a change on one topology; ``old`` None where the change itself does not say it."""

    old: Scene | None
    new: Scene


def changed_scenes(
    file: Path, change: Change, topology: Topology | None = None, *, rendering: Rendering = AS_IT_IS, shipped: bool = False,
    as_in: Path | None = None,
) -> ChangedScenes:  # fmt: skip
    """The two sides of the change in ``file``.

    ``topology`` is the twin's, where the change names one; ``as_in`` the folder of the project as it was in the revision that
    the change names.  Raises InputError with every problem found.
    """
    folders = search_folders(file, shipped=shipped)
    if topology is None:
        if change.topology is None:
            raise InputError(Problem("the change is about a twin, which is not there", change.where("twin")))
        file_of_it = find_topology(change.topology, folders, change.where("topology"))
        topology = load_topology(file_of_it, allow_commands=rendering.allow_commands)
    intended_rows(change, topology)  # every node that is given a policy is there
    with Templates() as templates:
        templates.foresee(folders.policies)
        new = _scene(_files(change, change.policies, folders.policies), topology, rendering, templates)
        if change.old is not None:
            old = _scene(_files(change, change.old, folders.policies), topology, rendering, templates)
        elif as_in is not None:
            old = _scene(_files(change, change.new, (as_in / "policies",)), topology, rendering, templates)
        else:
            return ChangedScenes(None, new)
    return ChangedScenes(old, new)


def _files(change: Change, policies: Mapping[str, PolicySpec], folders: Sequence[Path]) -> dict[str, PolicyFiles]:
    found: dict[str, PolicyFiles] = {}
    problems: list[Problem] = []
    for node, spec in policies.items():
        side = "new" if change.new.get(node) is spec else "old"
        try:
            found[node] = resolve_policy(spec, folders, change.where(side, node))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return found


def _scene(files: Mapping[str, PolicyFiles], topology: Topology, rendering: Rendering, templates: Templates) -> Scene:
    prepared = {node: prepare(policy, topology, rendering, templates) for node, policy in files.items()}
    return Scene(topology, {node: found.rulesets for node, found in prepared.items()}, prepared)


def intended_plan(change: Change, cells: Sequence[Cell], scene: Scene, backend: Backend) -> Plan:
    """The cells of a change's rows, to be run on one of its sides."""
    return _plan(Path(change.where().file), intended_rows(change, scene.topology), cells, scene, backend)


def held_plan(file: Path, scene: Scene, backend: Backend, rendering: Rendering = AS_IT_IS) -> Plan:
    """A matrix that must hold, to be run on the new side: what that gives a node goes before what the matrix gives it.

    Raises InputError with every problem found.
    """
    matrix, topology = load_matrix(file), scene.topology
    others = {node: spec for node, spec in matrix.policies.items() if node in topology.nodes and node not in scene.policies}
    named = {node: PolicySpec(name=node) for node in scene.policies}
    here = matrix.model_copy(update={"topology": topology.topology, "policies": {**others, **named}})
    cells = expand(here, topology)
    if others:
        folders = search_folders(file).policies
        files = {node: resolve_policy(spec, folders, matrix.where("policies", node)) for node, spec in others.items()}
        with Templates() as templates:
            beside = _scene(files, topology, rendering, templates)
        scene = Scene(topology, {**beside.policies, **scene.policies}, {**beside.prepared, **scene.prepared})
    return _plan(file, here, cells, scene, backend)


def _plan(file: Path, matrix: Matrix, cells: Sequence[Cell], scene: Scene, backend: Backend) -> Plan:
    way = Way(str(backend), tuple((node, matrix.matrix) for node in scene.policies))
    return Plan(file, matrix, scene.topology, scene.policies, tuple(cells), way=way)
