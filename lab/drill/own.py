"""A drill's lab that this process holds itself, for as long as it looks at it: no keeper, and worlds all the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from lab.drill.grounds import Grounds
from lab.keep.boot import boot_files
from lab.keep.keeper import hosts_text
from lab.kernel.hold.line_map import NodeLines
from lab.kernel.stage.world import Furniture, make_doors, start_world
from lab.prepare.drills import Play
from lab.site import Site


@contextmanager
def own_grounds(play: Play, nodes: Iterable[str], lines: Mapping[str, NodeLines] | None = None) -> Iterator[Grounds]:
    """The healthy lab of a drill, ``nodes`` of which have a world; ``lines`` is what another one of it found."""
    scene = play.scene
    files, hosts = boot_files(scene.topology, play.boots), hosts_text(scene.topology)
    doors = make_doors()
    with Site(scene.topology, scene.policies, lines, backend=play.rendering.backend) as site:
        found = {}
        for name in dict.fromkeys(nodes):
            site.require_node(name)
            start_world(
                site.network.nodes[name], doors, Furniture(hosts=hosts, files=files.get(name, {}), hidden=(), lab=play.drill.drill)
            )
            found[name] = str(doors / name)
        yield Grounds(site, found, play.policies)
