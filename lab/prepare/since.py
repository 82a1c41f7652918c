"""Every policy of a project as it was at a revision of git, beside that of the work tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab.errors import InputError
from lab.prepare.policies import Rendering, prepare
from lab.prepare.revision import in_the_project, revision_of
from lab.prepare.scene import Scene, scene_of_matrix
from lab.prepare.sides import Sides
from lab.prepare.templates import Templates
from lab.written.find_policy import resolve_policy
from lab.written.load import find_topology, load_matrix, load_topology, only_in, search_folders
from lab.written.matrix import Matrix
from lab.written.topology import Topology

_KINDS = ("topologies", "policies", "matrices")


@dataclass(slots=True)
class Since:
    """What a revision and the work tree have: ``sides`` to be compared, and what needs no look or cannot have one, in words.

    ``same`` are policies whose text cannot differ, ``apart`` those that only one of the two has, ``notes`` what else a reader
    must know.
    """

    sides: list[Sides] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    apart: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def since(revision: str, matrices: Sequence[Path], rendering: Rendering, *, one_backend: bool = True) -> Since:
    """Every policy of the matrices as it was at a revision and as it lies in the work tree, each once; raises InputError.

    A policy is rendered as its matrix and topology were at the revision, and both sides stand on the topology of the work tree.
    Nothing is rendered where all that policies are made of is as it was, and both sides are loaded by ``one_backend``.
    """
    found = Since()
    with revision_of(revision, Path.cwd()) as (folder, commit), Templates() as templates:
        names = f"{revision} ({commit})", "the work tree"
        project = _Project(folder, Path.cwd())
        found.notes += project.notes(revision)
        found.apart += [f"{file}: it is gone since {revision}, with the policies that it gave" for file in project.gone()]
        seen: set[object] = set()
        for file in matrices:
            matrix = load_matrix(file)
            if one_backend and project.is_untouched(file, matrix):
                found.same += [f"{node} on {matrix.topology}" for node in matrix.policies]
            else:
                _compare(file, matrix, project, rendering, templates, names, found, seen)
    return found


def _compare(
    file: Path, matrix: Matrix, project: _Project, rendering: Rendering, templates: Templates, names: tuple[str, str],
    found: Since, seen: set[object],
) -> None:  # fmt: skip
    """Add what a matrix has of one and of the other."""
    folders = search_folders(file)
    of_it = find_topology(matrix.topology, folders, matrix.where("topology"))
    topology = load_topology(of_it, allow_commands=rendering.allow_commands)
    new = scene_of_matrix(file, matrix, topology, folders, rendering, templates, {})
    try:
        old = project.scene_as_it_was(file, matrix, new, rendering, templates)
    except InputError as error:
        what = replace(in_the_project(error, project.old).problems[0], mend="")
        found.apart.append(f"{file}: its policies as at {names[0]} cannot be told: {what}")
        return
    for node in old.policies.keys() ^ new.policies.keys():
        has = "has a policy now, and had none" if node in new.policies else "had a policy, and has none now"
        found.apart.append(f"{file}: {node} {has}")
    for node, rulesets in new.policies.items():
        if node not in old.policies:
            continue
        key = (new.topology.topology, node, str(rulesets.texts()), str(old.policies[node].texts()))
        if key not in seen:
            seen.add(key)
            found.sides.append(Sides(new.with_policy_of(old, node), new, node, names))


@dataclass(frozen=True, slots=True)
class _Project:
    """A project as it was in ``old``, and as it is in ``here``."""

    old: Path
    here: Path

    def is_untouched(self, file: Path, matrix: Matrix) -> bool:
        """Whether all that the policies of a matrix are made of is as it was; what lies elsewhere is not looked at."""
        elsewhere = any(spec.render is not None or spec.includes for spec in matrix.policies.values())
        inside = Path(*file.parts[:1]).name == "matrices" and not file.is_absolute()
        return inside and not elsewhere and all(not self.differing(kind) for kind in _KINDS)

    def differing(self, kind: str) -> list[Path]:
        """The files of a folder that are not as they were: changed, new or gone."""
        files = {
            path.relative_to(root) for root in (self.old, self.here) for path in (root / kind).rglob("*") if not path.is_dir()
        }
        return sorted(path for path in files if _content(self.old / path) != _content(self.here / path))

    def notes(self, revision: str) -> Iterator[str]:
        """Which topologies differ: both sides stand on that of the work tree."""
        for path in self.differing("topologies"):
            if (self.old / path).exists() and (self.here / path).exists():
                yield f"{path} is not as it was at {revision}: both sides stand on that of the work tree"

    def gone(self) -> list[Path]:
        """The matrices that were there."""
        return [path for path in self.differing("matrices") if path.suffix == ".yaml" and not (self.here / path).exists()]

    def scene_as_it_was(
        self, file: Path, matrix: Matrix, new: Scene, rendering: Rendering, templates: Templates
    ) -> Scene:
        """The policies that the matrix gave, rendered as it and its topology were; raises InputError."""
        before = self.old / file
        was = load_matrix(before) if _content(before) not in (None, _content(file)) else matrix
        topology = self._topology(was, new.topology, allow_commands=rendering.allow_commands)
        folders = only_in(self.old).policies
        policies = {
            node: prepare(resolve_policy(spec, folders, was.where("policies", node)), topology, rendering, templates)
            for node, spec in was.policies.items()
        }
        return Scene(new.topology, {node: one.rulesets for node, one in policies.items()}, policies)

    def _topology(self, was: Matrix, new: Topology, *, allow_commands: bool) -> Topology:
        if not self.differing("topologies"):
            return new
        try:
            file = find_topology(was.topology, only_in(self.old), was.where("topology"))
        except InputError:
            return new  # of a topology that was not there nothing can be told
        return load_topology(file, allow_commands=allow_commands)


def _content(path: Path) -> bytes | None:
    """What is in a file; of a link or of what is none, nothing that is like another."""
    if path.is_symlink() or not path.is_file():
        return None if not path.is_symlink() else str(path).encode()
    return path.read_bytes()
