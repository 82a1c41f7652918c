"""What a single probe or a fixture is asked on: a topology and rendered policies, without any matrix's cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.errors import InputError, Problem
from lab.ruleset.rulesets import Rulesets
from lab.run.plan import policy_files, policy_named
from lab.run.rulesets import AS_IT_IS, Prepared, Rendering, prepare
from lab.run.templates import Templates
from lab.spec.load import find_topology, load_matrix, load_topology, search_folders
from lab.spec.policy import PolicyFiles, resolve_policy
from lab.spec.topology import Topology


@dataclass(frozen=True, slots=True)
class Scene:
    """A topology and the rendered policies of its nodes; ``notes`` are what the reader must know of these."""

    topology: Topology
    policies: Mapping[str, Rulesets]
    notes: tuple[str, ...] = ()


def _scene(topology: Topology, prepared: Mapping[str, Prepared]) -> Scene:
    notes = tuple(note for found in prepared.values() for note in found.notes)
    return Scene(topology, {node: found.rulesets for node, found in prepared.items()}, notes)


def _prepared(files: Mapping[str, PolicyFiles], topology: Topology, rendering: Rendering) -> dict[str, Prepared]:
    with Templates() as templates:
        return {node: prepare(policy, topology, rendering, templates) for node, policy in files.items()}


def make_scene(
    topology: str, policies: Mapping[str, str], near: Path | None = None, *, rendering: Rendering = AS_IT_IS
) -> Scene:
    """The scene of a topology's name or file and of policies by name or file, looked for near ``near``."""
    folders = search_folders(near or Path.cwd() / "matrices" / "none.yaml")
    loaded = load_topology(Path(topology) if topology.endswith((".yaml", ".yml")) else find_topology(topology, folders))
    unknown = [node for node in policies if node not in loaded.nodes]
    if unknown:
        raise InputError(Problem(f"topology {loaded.topology} has no node {', '.join(unknown)} to give a policy"))
    files = {node: resolve_policy(policy_named(text), folders.policies) for node, text in policies.items()}
    rendered = _prepared(files, loaded, rendering)
    return _scene(loaded, rendered)


def find_scene(
    matrix: Path | None,
    topology: str | None,
    policies: Mapping[str, str],
    *,
    candidates: Sequence[Path] = (),
    rendering: Rendering = AS_IT_IS,
) -> Scene:
    """The scene of a matrix file, with another topology or policies if they are given.

    Without a matrix: of the given topology, else of the only one of ``candidates``.
    """
    if matrix is None and topology is None:
        if len(candidates) != 1:
            names = ", ".join(str(path) for path in candidates) or "none"
            raise InputError(
                Problem(f"which network? There is more than one matrix, or none: {names}", mend="say --matrix FILE")
            )
        matrix = candidates[0]
    if matrix is None:
        assert topology is not None
        return make_scene(topology, policies, rendering=rendering)
    loaded = load_matrix(matrix)
    folders = search_folders(matrix)
    named = topology or loaded.topology
    found = load_topology(Path(named) if named.endswith((".yaml", ".yml")) else find_topology(named, folders))
    rendered = _prepared(policy_files(loaded, folders, policies), found, rendering)
    return _scene(found, rendered)
