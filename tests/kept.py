"""Labs that are up, kept by the tests' own process, which needs no world in its nodes: cheap, and asked as any other."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lab.keep.entry import Entry, Kept, note
from lab.keep.runtime import Claim, remove
from lab.kernel.ground.tools import run
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.site import Site
from lab.written.topology import Topology


class Up:
    """A lab that is up, noted in ``root`` (LAB_RUNTIME_DIR of who asks)."""

    def __init__(self, root: Path, site: Site, name: str) -> None:
        self.site, self.name = site, name
        self._claim = Claim(root, name)
        self.entry = Entry(
            name=name, keeper=os.getpid(), sweeper=os.getpid(), since=time.time(), about="kept by a test",
            topology=site.topology.topology, backend=site.backend, handles=site.network.handles, doors="",
            worlds=dict.fromkeys(site.network.nodes, 0),
        )  # fmt: skip
        policies = {node: held.rendered or Rulesets() for node, held in site.held.policies.items()}
        note(self._claim.folder, self.entry, Kept(site.topology, policies, site.lines, site.backend, site.held.policies))

    def type(self, node: str, *commands: str) -> None:
        """Type commands at a node; ``iptables`` is that of the backend."""
        for command in commands:
            words = shlex.split(command)
            words[0] = f"{words[0]}-{self.site.backend}" if words[0] == "iptables" else words[0]
            done = run(self.site.network.nodes[node].namespace, words)
            assert done.code == 0, (command, done.err)

    def close(self) -> None:
        """It is up no more."""
        self._claim.close()
        remove(self._claim.folder)


@contextmanager
def up(
    root: Path, topology: Topology, policies: Mapping[str, Rulesets], name: str = "it", *, backend: Backend = Backend.NFT
) -> Iterator[Up]:
    """Keep one while inside."""
    root.mkdir(mode=0o700, exist_ok=True)
    with Site(topology, policies, backend=backend, ruled=topology.nodes.keys()) as site:
        one = Up(root, site, name)
        try:
            yield one
        finally:
            one.close()
