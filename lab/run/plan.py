"""From a matrix file to what is to be done: its topology, its rendered policies, its cells.  Nothing is built yet."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab.errors import InputError, Problem, Where
from lab.ruleset.render import Rendered, render
from lab.ruleset.variables import load_variables
from lab.run.command import run_renderer
from lab.run.select import compile_expression
from lab.spec.cell import Cell
from lab.spec.cells import expand
from lab.spec.load import Folders, find_topology, load_matrix, load_topology, search_folders
from lab.spec.matrix import Matrix, matrix_notes
from lab.spec.policy import EnvVar, PolicyFiles, PolicySpec, resolve_policy
from lab.spec.topology import Topology

_INTERFACE = re.compile(r"\s(?:-i|-o|--in-interface|--out-interface)\s+(\S+)")


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user chose beside the matrix files.

    ``policies`` maps a node to a policy file that takes the place of the matrix's; ``expression`` is that of ``-k``.
    """

    expression: str | None = None
    policies: Mapping[str, str] = field(default_factory=dict)
    topology: str | None = None
    allow_commands: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """One matrix, ready to be run; ``notes`` are sentences for the reader of its results."""

    file: Path
    matrix: Matrix
    topology: Topology
    policies: Mapping[str, Rendered]
    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()


def make_plan(file: Path, choices: Choices) -> Plan:
    """Load, render and expand one matrix file; raises InputError with every problem found."""
    matrix = load_matrix(file)
    folders = search_folders(file)
    asked_at: Where | None = matrix.where("topology")
    if choices.topology:
        matrix, asked_at = matrix.elsewhere(topology=choices.topology), None
    topology = load_topology(find_topology(matrix.topology, folders, asked_at))
    files = policy_files(matrix, folders, choices.policies)
    _known_nodes(files, topology)
    cells = expand(_with_policies(matrix, choices.policies), topology)
    policies = {node: render_policy(policy, topology, choices) for node, policy in files.items()}
    notes = [*matrix_notes(matrix, topology)]
    for node, policy in files.items():
        notes += [f"{node}: {name} is not loaded by this version" for name in policy.unsupported]
        unknown = _unknown_interfaces(policies[node].text, topology.nodes[node].interfaces)
        notes += [f"{node}: a rule names interface {name}, which the node does not have" for name in unknown]
    return Plan(file, matrix, topology, policies, _selected(cells, choices), tuple(notes))


def policy_files(matrix: Matrix, folders: Folders, instead: Mapping[str, str]) -> dict[str, PolicyFiles]:
    """The files of every node's policy; one from ``instead`` keeps the variables and options of the one that it replaces."""
    files = {
        node: resolve_policy(value, folders.policies, matrix.where("policies", node))
        for node, value in matrix.policies.items()
        if node not in instead or value.vars or value.jinja
    }
    for node, text in instead.items():
        found = resolve_policy(policy_named(text), folders.policies)
        own = files.get(node)
        files[node] = replace(found, vars=own.vars, jinja=own.jinja) if own and not found.vars else found
    return files


def policy_named(text: str) -> str | Path:
    """What a person means who names a policy outside a matrix: a file if it looks like one, else a policy's name."""
    return Path(text) if "/" in text or text.endswith((".j2", ".rules")) or Path(text).is_file() else text


def _with_policies(matrix: Matrix, policies: Mapping[str, str]) -> Matrix:
    return matrix.elsewhere(policies={node: PolicySpec(name=Path(text).name) for node, text in policies.items()})


def _unknown_interfaces(text: str, own: Collection[str]) -> list[str]:
    """The interfaces that rules name and the node lacks; such a rule can never match."""
    named = dict.fromkeys(_INTERFACE.findall("\n".join(line for line in text.splitlines() if line.startswith("-"))))
    return [
        name
        for name in named
        if name not in own
        and name != "lo"
        and not (name.endswith("+") and any(one.startswith(name[:-1]) for one in (*own, "lo")))
    ]


def _known_nodes(files: Mapping[str, PolicyFiles], topology: Topology) -> None:
    unknown = [node for node in files if node not in topology.nodes]
    if unknown:
        known = ", ".join(topology.nodes)
        raise InputError(
            Problem(f"a policy for {node}, which topology {topology.topology} does not have", mend=f"its nodes: {known}")
            for node in unknown
        )


def _selected(cells: Sequence[Cell], choices: Choices) -> tuple[Cell, ...]:
    if choices.expression is None:
        return tuple(cells)
    matches = compile_expression(choices.expression)
    return tuple(cell for cell in cells if matches(cell.id))


def render_policy(policy: PolicyFiles, topology: Topology, choices: Choices) -> Rendered:
    """The ruleset's text; raises InputError."""
    if policy.v4 is None:
        return _render_by_command(policy, choices)
    parts: list[Path | Mapping[str, object]] = [
        {"env": part.name} if isinstance(part, EnvVar) else part for part in policy.vars
    ]
    variables = load_variables(parts, os.environ)
    return render(policy.v4, variables, policy.jinja, topology.as_written())


def _render_by_command(policy: PolicyFiles, choices: Choices) -> Rendered:
    command = policy.render or ()
    if not choices.allow_commands:
        raise InputError(
            Problem(
                f"policy {policy.name} is rendered by the command {' '.join(command)!r}, which was not allowed",
                mend="allow it with --allow-commands, if you trust this project",
            )
        )
    return run_renderer(command, policy.folder)
