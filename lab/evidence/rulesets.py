"""The rulesets of a side as files of a bundle: as they were written, as they were rendered, as the kernel holds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from lab.evidence.keeping import Keeping
from lab.kernel.ground.namespace import Namespace
from lab.kernel.hold.shown import shown
from lab.kernel.watch.conntrack import ConntrackChannel
from lab.lab import Lab
from lab.prepare.scene import Scene
from lab.prepare.sides import Sides
from lab.record.observation import Conntrack
from lab.ruleset.rulesets import Rulesets
from lab.written.files import Unfit, read_file
from lab.written.load import project_of
from lab.written.policy import PolicyFiles

SIDES = ("before", "after")
_MOST = 16 << 20
"""Bytes of a file that is kept."""
_DEEPEST = 5
"""Folders of a source that its name keeps, and the name."""


def keep_rendered(keeping: Keeping, folder: Sequence[str], policies: Mapping[str, Rulesets]) -> None:
    """The texts that each node loads."""
    for node, rulesets in policies.items():
        for kind, rendered in rulesets.parts():
            keeping.add(rendered.text.encode(errors="backslashreplace"), *folder, node, f"{kind}.rules")


def keep_both_sides(keeping: Keeping, sides: Iterable[Sides]) -> None:
    """The files that both sides of a node are made of, and what is loaded there of each."""
    for one in sides:
        for side, scene, called in zip(SIDES, (one.old, one.new), one.names, strict=True):
            keep_sources(keeping, ("sources", side), _written(keeping, scene, called))
            keep_rendered(keeping, ("rulesets", one.node, side), scene.policies)


def _written(keeping: Keeping, scene: Scene, called: str) -> Iterator[Path]:
    if (where := scene.topology.where()) is not None:
        yield Path(where.file)
    policies = {node: found.files for node, found in scene.prepared.items() if found.files is not None}
    there = {node: policy for node, policy in policies.items() if policy.folder.is_dir()}
    if len(there) < len(policies):
        keeping.note(f"{called}: its sources are those that git has of that revision")
    yield from sources_of(there, scene.policies)


def keep_sources(keeping: Keeping, folder: Sequence[str], files: Iterable[Path]) -> None:
    """The files that people wrote, by their path in the project; one that cannot be read is noted."""
    for file in dict.fromkeys(files):
        try:
            content = read_file(file, _MOST)
            if len(content) > _MOST:
                raise Unfit(f"has more than {_MOST >> 20} MiB")
        except (OSError, Unfit) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            keeping.note(f"{file} is not among the sources: {why}")
            continue
        keeping.add(content, *folder, *_in_project(file).parts[-_DEEPEST:])


def sources_of(policies: Mapping[str, PolicyFiles], rendered: Mapping[str, Rulesets]) -> Iterator[Path]:
    """The files that policies are made of: their own, those of variables, and what templates and scripts include."""
    for node, policy in policies.items():
        yield from policy.files().values()
        folder = policy.vars_folder or policy.folder
        yield from (folder / part for part in policy.vars if isinstance(part, Path))
        if policy.render is None and node in rendered:
            own = {file.resolve() for file in policy.files().values()}
            told = {(source or "").rpartition(":")[0] for _, text in rendered[node].parts() for source in text.sources}
            inside = policy.folder.resolve()
            included = (policy.folder.parent / name for name in sorted(told - {""}))
            here = (file for file in included if file.is_file() and file.resolve().is_relative_to(inside))
            yield from (file for file in here if file.resolve() not in own)


def keep_held(keeping: Keeping, folder: Sequence[str], lab: Lab) -> None:
    """What the kernel holds of each node with a policy, with its counters, and what it tracks."""
    for name, held in lab.policies.items():
        node = lab.network.nodes[name]
        for called, text in shown(node, held, lab.backend).items():
            keeping.add(text.encode(errors="backslashreplace"), *folder, name, called)
        keeping.add(_tracked(name, node.namespace).encode(), *folder, name, "conntrack.txt")


def _tracked(node: str, namespace: Namespace) -> str:
    with closing(ConntrackChannel(node, namespace, zoned=True)) as channel:
        return "".join(f"{_entry(entry)}\n" for entry in channel.entries())


def _entry(entry: Conntrack) -> str:
    words = " ".join((entry.state, *entry.words))
    return f"{entry.original}, answered {entry.reply}: {words} mark={entry.mark:#x} zone={entry.zone} {entry.timeout_s} s"


def _in_project(file: Path) -> Path:
    """The file's path from its project on: ``policies/edge.rules.j2``."""
    project = project_of(file)
    return file.absolute().relative_to(project) if file.absolute().is_relative_to(project) else Path(file.name)
