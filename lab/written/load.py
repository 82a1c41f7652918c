"""What people write, from files: found near the matrix, in the working folder or, if asked, among what is shipped."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

from lab.errors import InputError, Problem, Where
from lab.written.change import Change
from lab.written.change_checks import check_change
from lab.written.files import NOT_ORDINARY, is_ordinary, is_special
from lab.written.matrix import Matrix
from lab.written.matrix_checks import check_matrix
from lab.written.messages import did_you_mean, validated
from lab.written.programs import check_allowed
from lab.written.shipped import advice, shipped_root
from lab.written.topology import Topology
from lab.written.topology_checks import check_topology
from lab.written.yaml_source import MAX_PROBLEMS, load_yaml

_WITH_ROWS = ("matrices", "changes", "drills")
_KINDS = ("topologies", "policies", *_WITH_ROWS)


@dataclass(frozen=True, slots=True)
class Folders:
    """Where topologies, policies and matrices are looked for, the nearest first."""

    topologies: tuple[Path, ...]
    policies: tuple[Path, ...]
    matrices: tuple[Path, ...] = ()


def load_topology(path: Path, *, allow_commands: bool = False) -> Topology:
    """The topology in ``path``, which names commands only where these are allowed; InputError with every problem found."""
    document = load_yaml(path, within=project_of(path))
    topology = validated(Topology, document)
    topology.remember(document)
    problems = list(islice(check_topology(topology), MAX_PROBLEMS))
    problems += [] if allow_commands else islice(check_allowed(topology), MAX_PROBLEMS)
    if problems:
        raise InputError(problems)
    return topology


def load_matrix(path: Path) -> Matrix:
    """The matrix in ``path``; raises InputError with every problem found."""
    document = load_yaml(path, free=("policies",), within=project_of(path))
    matrix = validated(Matrix, document)
    matrix.remember(document)
    problems = list(islice(check_matrix(matrix), MAX_PROBLEMS))
    if problems:
        raise InputError(problems)
    return matrix


def load_change(path: Path) -> Change:
    """The change in ``path``; raises InputError with every problem found."""
    document = load_yaml(path, free=("old", "new"), within=project_of(path))
    change = validated(Change, document)
    change.remember(document)
    problems = list(islice(check_change(change), MAX_PROBLEMS))
    if problems:
        raise InputError(problems)
    return change


def project_of(file: Path) -> Path:
    """The folder above the nearest one that is called as its kind (``X`` for ``X/matrices/M.yaml``), else the file's own.

    No link leads out of it: a project that strangers write into could show, in a message, lines of any file of the machine.
    """
    parent = Path(os.path.abspath(file)).parent  # noqa: PTH100 - as it is named, whatever is a link on the way
    return next((folder.parent for folder in (parent, *parent.parents) if folder.name in _KINDS), parent)


def search_folders(file: Path, *, shipped: bool = False) -> Folders:
    """The folders for a matrix or change: of its project (``X`` for ``X/matrices/M.yaml``), the working one, with ``shipped``
    those of what is shipped.
    """
    parent = Path(os.path.realpath(file)).parent  # where links lead round, it is told when the file is read
    inside = next((folder for folder in (parent, *parent.parents) if folder.name in _WITH_ROWS), None)
    project = inside.parent if inside is not None else parent
    roots = dict.fromkeys((project, Path.cwd(), *([shipped_root()] if shipped else ())))
    return Folders(*(_shown([root / kind for root in roots]) for kind in ("topologies", "policies", "matrices")))


def only_in(project: Path) -> Folders:
    """The folders of a project alone."""
    return Folders((project / "topologies",), (project / "policies",))


def _shown(folders: Sequence[Path]) -> tuple[Path, ...]:
    """Relative to the working folder where they lie in it, as messages and reports show them."""
    here = Path.cwd()
    return tuple(folder.relative_to(here) if folder.is_relative_to(here) else folder for folder in folders)


def find_topology(name: str, folders: Folders, where: Where | None = None) -> Path:
    """The file of the topology called ``name``, asked for at ``where``; InputError lists what is there."""
    return _find("topology", "topologies", name, folders.topologies, where, "--topology takes any file that ends in .yaml")


def find_matrix(name: str, folders: Folders, where: Where | None = None) -> Path:
    """The file of the matrix called ``name``, asked for at ``where``; InputError lists what is there."""
    return _find("matrix", "matrices", name, folders.matrices, where, "put it there")


def held_matrices(change: Change, folders: Folders) -> tuple[Path, ...]:
    """The files of the matrices that must hold after the change; InputError lists what is there."""
    found: list[Path] = []
    problems: list[Problem] = []
    for index, name in enumerate(change.holds):
        try:
            found.append(find_matrix(name, folders, change.where("holds", index)))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return tuple(found)


def _find(one: str, kind: str, name: str, folders: Sequence[Path], where: Where | None, otherwise: str) -> Path:
    """The file of this name and kind in the first folder that has it."""
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        what = f"the {one} {name!r} leads out of the {kind} folder"
        raise InputError(Problem(what, where, f"{kind} are named from there on; {otherwise}"))
    files = [folder / f"{name}{ending}" for folder in folders for ending in (".yaml", ".yml")]
    for path in files:
        if is_ordinary(path):
            return path
    special = next((path for path in files if is_special(path)), None)
    if special is not None:
        raise InputError(Problem(f"{special} {NOT_ORDINARY}", where, "put the file itself in its place"))
    there = {path.stem for folder in folders if folder.is_dir() for path in folder.glob("*.y*ml")}
    mend = advice(kind, name, did_you_mean(name, there, f"{kind} there"))
    raise InputError(Problem(f"there is no {one} {name!r} in {', '.join(map(str, folders))}", where, mend))
