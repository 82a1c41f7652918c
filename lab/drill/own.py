"""A drill's lab that this process holds itself, for as long as it looks at it: no keeper, and worlds all the same."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from lab.drill.grounds import Grounds
from lab.keep.boot import boot_files
from lab.keep.keeper import hosts_text
from lab.kernel.hold.line_map import NodeLines
from lab.kernel.stage.world import Furniture, make_doors, start_worlds
from lab.prepare.drills import Play
from lab.site import Site


@cache
def doors() -> Path:
    """The folder for the doors of all labs of this process, which has mounts of its own from then on."""
    return make_doors()


@contextmanager
def own_grounds(
    play: Play, nodes: Iterable[str], folder: Path, lines: Mapping[str, NodeLines] | None = None
) -> Iterator[Grounds]:
    """The healthy lab of a drill, ``nodes`` of which have a world; ``lines`` is what another one of it found.

    Their doors are in a new folder in ``folder``, which is that of `doors`.
    """
    scene = play.scene
    files, hosts = boot_files(scene.topology, play.boots), hosts_text(scene.topology)
    own = Path(tempfile.mkdtemp(dir=folder))
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, own, ignore_errors=True)
        site = undo.enter_context(Site(scene.topology, scene.policies, lines, backend=play.rendering.backend))
        names = [*dict.fromkeys(nodes)]
        for name in names:
            site.require_node(name)
        worlds = start_worlds(
            [site.network.nodes[name] for name in names], own,
            lambda node: Furniture(lab=play.drill.drill, hosts=hosts, files=files.get(node.name, {})),
        )  # fmt: skip
        for world in worlds:
            undo.callback(world.stop)
        yield Grounds(site, {name: str(own / name) for name in names}, play.policies)
