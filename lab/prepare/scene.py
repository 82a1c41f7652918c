"""What a single probe or a fixture is asked on: a topology and rendered policies, without any matrix's cells."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lab.errors import InputError, Problem
from lab.prepare.notes import NO_POLICY, notes_of
from lab.prepare.plan import policy_files
from lab.prepare.policies import AS_IT_IS, Prepared, Rendering, prepare
from lab.prepare.templates import Templates
from lab.ruleset.rulesets import Rulesets
from lab.twin.folded import folded_guesses
from lab.twin.twin import Twin
from lab.written.find_policy import Given, and_what_is_left_out, resolve_given
from lab.written.load import Folders, find_topology, load_matrix, load_topology, search_folders
from lab.written.matrix import Matrix
from lab.written.policy import PolicyFiles
from lab.written.topology import Topology


@dataclass(frozen=True, slots=True)
class Scene:
    """A topology and the rendered policies of its nodes; ``twin`` is what it was made from, where that was dumps of hosts."""

    topology: Topology
    policies: Mapping[str, Rulesets]
    prepared: Mapping[str, Prepared]
    beside: tuple[str, ...] = ()
    twin: Twin | None = None

    def word(self, text: str, *, sender: bool) -> str:
        """A word of the command line as a row has it: of a twin ``self`` and ``@eth0`` mean something, else it is one."""
        return text if self.twin is None else self.twin.word(text, sender=sender)

    def words(self, sender: str, target: str) -> tuple[str, str]:
        """Both ends of a flow as a row has them; InputError for ends of a twin between which its hosts do not stand."""
        return (sender, target) if self.twin is None else self.twin.ends(sender, target)

    def with_policy_of(self, other: Scene, node: str) -> Scene:
        """The same scene, with what ``node`` has in another one."""
        policies = {**self.policies, node: other.policies[node]}
        return replace(self, policies=policies, prepared={**self.prepared, node: other.prepared[node]})

    @property
    def guesses(self) -> tuple[str, ...]:
        """What was concluded of a twin and no dump says, interface by interface, each with the line that it rests on."""
        return () if self.twin is None else folded_guesses(self.twin.guesses)

    def notes(self, families: Collection[int]) -> tuple[str, ...]:
        """What the reader of any answer about packets of these families must know: what voids it, first."""
        of_nodes = (
            note for node, found in self.prepared.items() for note in notes_of(node, found, self.topology, families)
        )
        return tuple(dict.fromkeys((*self.beside, *(() if self.policies else (NO_POLICY,)), *of_nodes)))


def _scene(
    topology: Topology, files: Mapping[str, PolicyFiles], rendering: Rendering, templates: Templates, notes: Iterable[str] = ()
) -> Scene:
    prepared = {node: prepare(policy, topology, rendering, templates) for node, policy in files.items()}
    return Scene(topology, {node: found.rulesets for node, found in prepared.items()}, prepared, tuple(notes))


def make_scene(
    topology: str, policies: Mapping[str, Given], near: Path | None = None, *, rendering: Rendering = AS_IT_IS,
    shipped: bool = False,
) -> Scene:  # fmt: skip
    """The scene of a topology's name or file and of policies by name or file, looked for near ``near``."""
    folders = search_folders(near or Path.cwd() / "matrices" / "none.yaml", shipped=shipped)
    with Templates() as templates:
        templates.foresee(folders.policies if policies else ())
        return _given(_topology(topology, folders, rendering), policies, folders, rendering, templates)


def scene_on(
    topology: Topology, policies: Mapping[str, Given], *, rendering: Rendering = AS_IT_IS, shipped: bool = False
) -> Scene:
    """The scene of a topology that is known and of policies by name or file."""
    folders = search_folders(Path.cwd() / "matrices" / "none.yaml", shipped=shipped)
    with Templates() as templates:
        return _given(topology, policies, folders, rendering, templates)


def _given(
    topology: Topology, policies: Mapping[str, Given], folders: Folders, rendering: Rendering, templates: Templates
) -> Scene:
    _known(policies, topology)
    given = {node: resolve_given(node, value, folders.policies) for node, value in policies.items()}
    files = {node: and_what_is_left_out(found.files, found) for node, found in given.items()}
    return _scene(topology, files, rendering, templates)


def twin_scene(twin: Twin, policies: Mapping[str, Given], *, rendering: Rendering = AS_IT_IS) -> Scene:
    """The scene of a twin; ``policies`` stand in the place of what its hosts hold, node by node or as ``self``."""
    folders = search_folders(Path.cwd() / "matrices" / "none.yaml")
    meant = {twin.word(node, sender=True): value for node, value in policies.items()}
    _known(meant, twin.topology)
    with Templates() as templates:
        given = {node: resolve_given(node, value, folders.policies) for node, value in {**twin.policies, **meant}.items()}
        return replace(
            _scene(twin.topology, {node: found.files for node, found in given.items()}, rendering, templates, twin.notes),
            twin=twin,
        )


def find_scene(
    matrix: Path | None,
    topology: str | None,
    policies: Mapping[str, Given],
    *,
    candidates: Sequence[Path] = (),
    rendering: Rendering = AS_IT_IS,
    shipped: bool = False,
) -> Scene:
    """The scene of a matrix file, with another topology or policies if they are given.

    Without a matrix: of the given topology, else of the only one of ``candidates``.  A matrix's policies hold on another
    topology too, where it has nodes of their names; that it does not is told in the notes.
    """
    if matrix is None and topology is None:
        if len(candidates) != 1:
            names = ", ".join(str(path) for path in candidates)
            what = f"there are several matrices: {names}" if names else "there is no matrix"
            raise InputError(Problem(f"which network? No --matrix and no --topology, and {what}", mend="say --matrix FILE"))
        matrix = candidates[0]
    if matrix is None:
        assert topology is not None
        return make_scene(topology, policies, rendering=rendering, shipped=shipped)
    folders = search_folders(matrix, shipped=shipped)
    with Templates() as templates:
        templates.foresee(folders.policies)
        loaded = load_matrix(matrix)
        found = _topology(topology or loaded.topology, folders, rendering)
        return scene_of_matrix(matrix, loaded, found, folders, rendering, templates, policies)


def scene_of_matrix(
    file: Path, matrix: Matrix, topology: Topology, folders: Folders, rendering: Rendering, templates: Templates,
    policies: Mapping[str, Given],
) -> Scene:  # fmt: skip
    """The scene of a matrix that was read from ``file``, with other policies if they are given; raises InputError."""
    _known(policies, topology)
    files = policy_files(matrix, folders, policies)
    notes = [
        f"{node}: the policy that {file} gives it is not loaded, as topology {topology.topology} has no such node"
        for node in files
        if node not in topology.nodes
    ]
    here = {node: policy for node, policy in files.items() if node in topology.nodes}
    return _scene(topology, here, rendering, templates, notes)


def _topology(named: str, folders: Folders, rendering: Rendering) -> Topology:
    file = Path(named) if named.endswith((".yaml", ".yml")) else find_topology(named, folders)
    return load_topology(file, allow_commands=rendering.allow_commands)


def _known(policies: Iterable[str], topology: Topology) -> None:
    unknown = [node for node in policies if node not in topology.nodes]
    if unknown:
        raise InputError(Problem(f"topology {topology.topology} has no node {', '.join(unknown)} to give a policy"))
