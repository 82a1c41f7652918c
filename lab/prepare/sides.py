"""The two sides of a difference: one topology, one node under test, and what it holds on either side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab.errors import InputError, Problem
from lab.prepare.changed import changed_scenes
from lab.prepare.policies import AS_IT_IS, Rendering
from lab.prepare.revision import revision_of
from lab.prepare.scene import Scene, find_scene, make_scene, twin_scene
from lab.prepare.twins import Dumps, hosts_of, twin_from
from lab.record.host import Host
from lab.twin.build import policies_of, twin_of
from lab.twin.infer import inferred
from lab.twin.twin import Guess
from lab.written.change import Change
from lab.written.find_policy import Given
from lab.written.load import project_of


@dataclass(frozen=True, slots=True)
class Sides:
    """``names`` are what the old and the new side are called; ``same`` tells that they hold the same texts."""

    old: Scene
    new: Scene
    node: str
    names: tuple[str, str]

    @property
    def same(self) -> bool:
        """Whether both sides are given the same, to the letter."""
        return self.old.policies[self.node].texts() == self.new.policies[self.node].texts()


@dataclass(frozen=True, slots=True)
class OnNetwork:
    """The network that both sides stand on: that of a matrix, or a topology; ``node`` where several have a policy.

    A topology is looked for ``near`` a file.
    """

    matrix: Path | None = None
    topology: str | None = None
    node: str | None = None
    shipped: bool = False
    rendering: Rendering = field(default=AS_IT_IS)
    near: Path | None = None

    def scene(self, policies: Mapping[str, Given]) -> Scene:
        """The scene with these policies."""
        if self.near is not None and self.topology is not None:
            return make_scene(self.topology, policies, self.near, rendering=self.rendering, shipped=self.shipped)
        return find_scene(self.matrix, self.topology, policies, rendering=self.rendering, shipped=self.shipped)


def twin_sides(old: str, new: str, dumps: Dumps, rendering: Rendering = AS_IT_IS) -> Sides:
    """Two rulesets, or snapshots, of one host on its twin; raises InputError.

    Where ``dumps`` name no host, it is the one that both tell of: what the newer does not say is taken from the older.
    """
    before, after = hosts_of(replace(dumps, files=(old,)))[0], hosts_of(replace(dumps, files=(new,)))[0]
    if dumps.files:
        (host,) = hosts_of(dumps)
        stands, guesses = inferred(host)
    else:
        stands, guesses = _both(before, after)
    twin = twin_of([stands], guesses)
    (node,) = twin.hosts
    sides = [replace(twin, policies={node: policies_of(one)}) for one in (before, after)]
    scenes = [twin_scene(one, {}, rendering=rendering) for one in sides]
    return Sides(scenes[0], scenes[1], node, (old, new))


def _both(before: Host, after: Host) -> tuple[Host, tuple[Guess, ...]]:
    """One host of which both tell: what it has on either side, and what the rules of both say of it."""
    whole = replace(
        after, links=after.links or before.links, routes=after.routes or before.routes, rules=after.rules or before.rules,
        tables=after.tables or before.tables, sysctls=after.sysctls or before.sysctls,
    )  # fmt: skip
    return inferred(whole, before=before)


def sides_on(network: OnNetwork, old: Given, new: Given, names: tuple[str, str]) -> Sides:
    """Two policies of one node on a network; raises InputError."""
    node = network.node or _only_node(network)
    before, after = network.scene({node: old}), network.scene({node: new})
    return Sides(before, after, node, names)


def against_matrix(network: OnNetwork, new: Given, name: str) -> Sides:
    """A policy in the place of the one that a matrix gives; raises InputError."""
    node = network.node or _only_node(network)
    before = network.scene({})
    if node not in before.policies:
        raise InputError(Problem(f"{node} has no policy to compare with", mend="name both sides: lab diff OLD NEW"))
    return Sides(before, network.scene({node: new}), node, (f"the policy of {node}", name))


def _only_node(network: OnNetwork) -> str:
    """The node under test, where a matrix names one; else the only one that forwards."""
    scene = network.scene({})
    nodes = list(scene.policies) or [name for name, spec in scene.topology.nodes.items() if spec.forwards]
    if len(nodes) != 1:
        there = ", ".join(nodes or scene.topology.nodes)
        raise InputError(Problem("which node is given the two policies?", mend=f"--node NAME; there are {there}"))
    return nodes[0]


@contextmanager
def change_sides(
    file: Path, change: Change, rendering: Rendering = AS_IT_IS, *, shipped: bool = False
) -> Iterator[list[Sides]]:
    """The sides of a change, one for each node that it gives a policy; raises InputError."""
    with ExitStack() as undo:
        as_in, twin, called = None, None, "before"
        if change.rev is not None:
            as_in, commit = undo.enter_context(revision_of(change.rev, Path.cwd()))
            called = f"{change.rev} ({commit})"
        if change.twin is not None:
            twin = twin_from(hosts_of(Dumps((str(_inside(file, change)),))))
        topology = None if twin is None else twin.topology
        old, new = changed_scenes(file, change, topology, rendering=rendering, shipped=shipped, as_in=as_in)
        if old is None:
            assert twin is not None, "a change says its old side, or has it of a twin"
            old = twin_scene(twin, {}, rendering=rendering)
        yield [
            Sides(new.with_policy_of(old, node), new, node, (called, change.change))
            for node in change.new
            if node in old.policies
        ]


def sides_of_change(network: OnNetwork, change: Change, old: Given, new: Given) -> Sides:
    """Two policies of the node that a change is about, in the place of those that it names; raises InputError."""
    if change.twin is not None:
        assert network.near is not None
        dumps = Dumps((str(_inside(network.near, change)),))
        return twin_sides(str(old), str(new), dumps, network.rendering)
    return sides_on(network, old, new, (str(old), str(new)))


def _inside(file: Path, change: Change) -> Path:
    """The dump that a change names, in its project; a link that leads out of that is an InputError."""
    project = project_of(file)
    dump = project / str(change.twin)
    if not dump.resolve().is_relative_to(project.resolve()):
        what = f"the twin {change.twin!r} leads out of {project}"
        raise InputError(Problem(what, change.where("twin"), "put the file there"))
    return dump
