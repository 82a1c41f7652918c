"""From a matrix file to what is to be done: its topology, its rendered policies, its cells.  Nothing is built yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from lab.errors import InputError, Problem, Where
from lab.kernel.hold.kinds import tools
from lab.prepare.notes import notes_of
from lab.prepare.policies import AS_IT_IS, Rendering, prepare
from lab.prepare.select import Picked, choose
from lab.prepare.templates import Templates
from lab.record.host import Host
from lab.record.way import BY_NFT, Way
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.written.cell import Cell
from lab.written.cells import expand
from lab.written.find_policy import Given, and_what_is_left_out, resolve_given, resolve_policy, short_name
from lab.written.load import Folders, find_topology, load_matrix, load_topology, search_folders
from lab.written.matrix import Matrix
from lab.written.policy import PolicyFiles, PolicySpec
from lab.written.steps.acting import LOAD
from lab.written.topology import Topology


@dataclass(frozen=True, slots=True)
class Standing:
    """A lab that is up by the name of ``lab``, and what was loaded into it when it was brought up or since."""

    lab: str
    topology: Topology
    policies: Mapping[str, Rulesets]
    backend: Backend


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user chose beside the matrix files.

    ``policies`` maps a node to a policy, or to files that take the place of the same kinds of file in the matrix's;
    ``expression`` is that of ``-k``, ``pasted`` are ids of cells; ``families`` (4, 6) which cells are run.
    ``shipped``: topologies and policies may be among what is shipped.  ``hosts`` are real ones, whose twin stands in the place
    of the matrix's topology and policies.  ``standing`` is a lab that is up, which the cells are asked of as it is.
    """

    expression: str | None = None
    policies: Mapping[str, Given] = field(default_factory=dict)
    topology: str | None = None
    families: tuple[int, ...] = (4, 6)
    rendering: Rendering = AS_IT_IS
    shipped: bool = False
    pasted: tuple[str, ...] = ()
    hosts: tuple[Host, ...] = ()
    standing: Standing | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """One matrix, ready to be run in one way; ``notes`` are sentences for the reader of its results.

    ``mark`` stands behind the ids of its cells and the matrix's name where another plan has the same cells: ``@legacy``.
    ``loads`` is what a row's step loads by node, by the name of the row and the number of the step.  ``files`` are those that
    the policies were rendered from, by node.  ``of_lab`` is the name of the lab that is up that they are asked of, "" where one
    is built.
    """

    file: Path
    matrix: Matrix
    topology: Topology
    policies: Mapping[str, Rulesets]
    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()
    way: Way = BY_NFT
    mark: str = ""
    loads: Mapping[tuple[str, int], Mapping[str, Rulesets]] = field(default_factory=dict)
    files: Mapping[str, PolicyFiles] = field(default_factory=dict)
    of_lab: str = ""

    @property
    def backend(self) -> Backend:
        """The iptables that loads its rulesets."""
        return Backend(self.way.backend)

    @property
    def name(self) -> str:
        """The matrix's name, and the mark."""
        return self.matrix.matrix + self.mark

    def in_way(self, way: Way, mark: str) -> Plan:
        """The same cells in another way, with ``mark`` behind their ids."""
        cells = tuple(replace(cell, id=cell.id + mark) for cell in self.cells)
        return replace(self, cells=cells, way=way, mark=self.mark + mark)


@dataclass(frozen=True, slots=True)
class Expanded:
    """One matrix with all of its cells, before it is known which of them are run; nothing is rendered yet."""

    file: Path
    matrix: Matrix
    topology: Topology
    files: Mapping[str, PolicyFiles]
    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()
    loads: Mapping[tuple[str, int], Mapping[str, PolicyFiles]] = field(default_factory=dict)

    @property
    def ids(self) -> list[tuple[Path, str]]:
        """Its cells as `lab.prepare.select` knows them."""
        return [(self.file, cell.id) for cell in self.cells]


def make_plan(file: Path, choices: Choices, templates: Templates | None = None) -> Plan:
    """Load, render and expand one matrix file; raises InputError with every problem found.

    Whoever makes several plans gives them the same ``templates``.
    """
    if templates is None:
        with Templates() as own:
            return make_plan(file, choices, own)
    one = expand_file(file, choices, templates)
    selection = choose(choices.expression, choices.pasted, one.ids, [choices.rendering.backend])
    return finish_plan(one, selection, choices, templates)


def expand_file(file: Path, choices: Choices, templates: Templates) -> Expanded:
    """Load and expand one matrix file; raises InputError with every problem found."""
    folders = search_folders(file, shipped=choices.shipped)
    templates.foresee(folders.policies)
    matrix = load_matrix(file)
    if choices.hosts:
        return _on_twin(file, matrix, folders, choices, templates)
    if choices.standing is not None:
        return _on_standing(file, matrix, folders, choices.standing, choices, templates)
    asked_at: Where | None = matrix.where("topology")
    if choices.topology:
        matrix, asked_at = matrix.elsewhere(topology=choices.topology), None
    chosen = choices.topology or ""
    found = Path(chosen) if chosen.endswith((".yaml", ".yml")) else find_topology(matrix.topology, folders, asked_at)
    topology = load_topology(found, allow_commands=choices.rendering.allow_commands)
    files = policy_files(matrix, folders, choices.policies)
    _known_nodes(files, topology, matrix)
    loads = _loaded_later(matrix, folders)
    templates.begin([*files.values(), *(found for one in loads.values() for found in one.values())])
    cells = expand(_with_policies(matrix, choices.policies), topology, choices.families)
    return Expanded(file, matrix, topology, files, tuple(cells), loads=loads)


def _on_twin(file: Path, matrix: Matrix, folders: Folders, choices: Choices, templates: Templates) -> Expanded:
    """The matrix on the twin of real hosts, the first of which stands for its node under test."""
    from lab.prepare.twins import twin_from  # few runs have a twin, and all would wait for what makes one
    from lab.twin.folded import folded_guesses

    tested = list(matrix.policies)
    if len(tested) != 1:
        what = f"the twin stands for the one node that a matrix gives a policy, and {file} gives {len(tested)} nodes one"
        raise InputError(Problem(what, matrix.where("policies"), "write its topology out with `lab twin`, and name that"))
    twin = twin_from(choices.hosts, tested[0])
    own = twin.topology.nodes[tested[0]].model_copy(update={"role": matrix.role})
    topology = twin.topology.model_copy(update={"nodes": {**twin.topology.nodes, tested[0]: own}})
    given: dict[str, Given] = {**twin.policies, **choices.policies}
    _known_nodes(given, topology, matrix)
    files = {node: resolve_given(node, value, folders.policies).files for node, value in given.items()}
    loads = _loaded_later(matrix, folders)
    templates.begin([*files.values(), *(found for one in loads.values() for found in one.values())])
    cells = expand(_with_policies(matrix.elsewhere(topology=topology.topology), given), topology, choices.families)
    notes = (*twin.notes, *(f"guessed: {guess}" for guess in folded_guesses(twin.guesses)))
    return Expanded(file, matrix, topology, files, tuple(cells), notes, loads)


def _on_standing(
    file: Path, matrix: Matrix, folders: Folders, standing: Standing, choices: Choices, templates: Templates
) -> Expanded:  # fmt: skip
    """The matrix on a lab that is up, whose rules are its own; InputError for one of another topology."""
    topology = standing.topology
    if matrix.topology != topology.topology:
        what = f"{file} is about topology {matrix.topology}, and lab {standing.lab} stands on {topology.topology}"
        raise InputError(Problem(what, matrix.where("topology"), f"`lab up --matrix {file}` brings one up that it fits"))
    loads = _loaded_later(matrix, folders)
    templates.begin([found for one in loads.values() for found in one.values()])
    return Expanded(file, matrix, topology, {}, tuple(expand(matrix, topology, choices.families)), loads=loads)


def finish_plan(one: Expanded, selection: Picked, choices: Choices, templates: Templates) -> Plan:
    """Render the policies; raises InputError with every problem found."""
    topology, files = one.topology, one.files
    cells = tuple(cell for cell in one.cells if selection.takes((one.file, cell.id)))
    prepared = {node: prepare(policy, topology, choices.rendering, templates) for node, policy in files.items()}
    policies = {node: found.rulesets for node, found in prepared.items()}
    asked = {node: sorted({cell.family for cell in cells if cell.at == node}) for node in prepared}
    notes = [*one.notes]
    notes += [note for node, found in prepared.items() for note in notes_of(node, found, topology, asked[node])]
    way = Way(str(choices.rendering.backend), tuple((node, policy.name) for node, policy in files.items()))
    rows = {cell.row for cell in cells}
    loads = {
        step: {node: prepare(policy, topology, choices.rendering, templates).rulesets for node, policy in loaded.items()}
        for step, loaded in one.loads.items()
        if step[0] in rows
    }
    plan = Plan(one.file, one.matrix, topology, policies, cells, tuple(notes), way, loads=loads, files=files)
    return plan if choices.standing is None else _of_standing(plan, choices.standing)


def _of_standing(plan: Plan, standing: Standing) -> Plan:
    way = Way(str(standing.backend), tuple((node, f"as in lab {standing.lab}") for node in standing.policies))
    return replace(plan, policies=standing.policies, way=way, of_lab=standing.lab)


class Loads(Protocol):
    """What has policies that a backend loads."""

    @property
    def policies(self) -> Mapping[str, Rulesets]:
        """By node."""

    @property
    def backend(self) -> Backend:
        """The iptables that loads them."""


def tools_for(plans: Sequence[Loads]) -> list[str]:
    """Every tool that running the plans needs."""
    wanted: dict[str, None] = {}
    for plan in plans:
        later = plan.loads.values() if isinstance(plan, Plan) else ()
        for rulesets in (*plan.policies.values(), *(one for loaded in later for one in loaded.values())):
            wanted |= dict.fromkeys(tools([kind for kind, _ in rulesets.parts()], plan.backend))
    return list(wanted)


def policy_files(matrix: Matrix, folders: Folders, instead: Mapping[str, Given]) -> dict[str, PolicyFiles]:
    """The files of every node's policy, with what ``instead`` puts in their place.

    A policy's name replaces all of it; a file replaces that of its own kind, and keeps the variables and options.
    """
    given = {node: resolve_given(node, value, folders.policies) for node, value in instead.items()}
    files = {
        node: resolve_policy(value, folders.policies, matrix.where("policies", node))
        for node, value in matrix.policies.items()
        if node not in given or value.vars or value.jinja or value.includes or not given[node].whole
    }
    for node, found in given.items():
        own = files.get(node)
        loaded = found.files
        if own is not None and own.render is None:
            loaded = loaded.with_variables_of(own) if found.whole else loaded.replacing(own)
        files[node] = and_what_is_left_out(loaded, found)
    return files


def _loaded_later(matrix: Matrix, folders: Folders) -> dict[tuple[str, int], dict[str, PolicyFiles]]:
    """The files of what the steps of rows load."""
    return {
        (row.name, number): {
            node: resolve_policy(value, folders.policies, matrix.where("flows", index, "steps", number - 1, LOAD.name, node))
            for node, value in step.said.items()
        }
        for index, row in enumerate(matrix.flows)
        for number, step in enumerate(row.steps, 1)
        if step.verb is LOAD
    }


def _with_policies(matrix: Matrix, policies: Mapping[str, Given]) -> Matrix:
    return matrix.elsewhere(policies={node: PolicySpec(name=short_name(value)) for node, value in policies.items()})


def _known_nodes(files: Iterable[str], topology: Topology, matrix: Matrix) -> None:
    unknown = [node for node in files if node not in topology.nodes]
    if unknown:
        known = ", ".join(topology.nodes)
        raise InputError(
            Problem(
                f"a policy for {node}, which topology {topology.topology} does not have",
                matrix.where("policies", node) if node in matrix.policies else None, f"its nodes: {known}",
            )
            for node in unknown
        )
