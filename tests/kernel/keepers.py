"""Other processes that keep a site, or ask one: each says in a line what it has, and does what it is told in a line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from lab.keep.turns import Bell, ring_before_turns
from lab.kernel.stage.handles import NetworkHandles
from lab.kernel.stage.network import Network
from lab.kernel.stage.world import Furniture, make_doors, start_worlds
from lab.lab import Lab
from lab.ruleset.backend import Backend
from lab.site import Site
from tests.kernel.scenes import rulesets, topology

_ROOT = Path(__file__).parent.parent.parent


class Other:
    """Another process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def line(self) -> str:
        """The next line that it says; it has died where that is empty."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def tell(self, word: str) -> None:
        """Tell it a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """Give it no time for anything."""
        self._process.kill()
        self._process.wait()


@contextmanager
def other(what: str, backend: Backend, *given: object) -> Iterator[Other]:
    """One that does ``keep`` or ``ask`` of this module with what is given."""
    command = [sys.executable, "-m", "tests.kernel.keepers", what, str(backend)]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            one = Other(process)
            one.tell(json.dumps(given))
            yield one
        finally:
            process.kill()


def keep(backend: Backend, written: Mapping[str, Any], text: str) -> None:
    """Hold a site until told to end; its handles are what it says."""
    with Site(topology(written), {"gateway": rulesets(text)}, backend=backend) as site:
        print(site.network.handles.to_json(), flush=True)
        sys.stdin.readline()


def worlds(backend: Backend, written: Mapping[str, Any], files: Mapping[str, str], hidden: list[str]) -> None:
    """Hold a network whose nodes have worlds until told to end; where their doors are is what it says."""
    doors = make_doors()
    furniture = Furniture("office", "127.0.0.1 localhost\n", files, [Path(path) for path in hidden], str(backend))
    network = Network(topology(written))
    with ExitStack() as undo:
        undo.callback(network.close)
        for world in start_worlds(tuple(network.nodes.values()), doors, lambda _: furniture):
            undo.callback(world.stop)
        print(doors, flush=True)
        sys.stdin.readline()


def adopted(backend: Backend, written: Mapping[str, Any], text: str, handles: str) -> Site:
    """What another one keeps."""
    told = NetworkHandles.from_json(handles)
    return Site.adopt(topology(written), {"gateway": rulesets(text)}, told, backend=backend)


def ask(
    backend: Backend, written: Mapping[str, Any], text: str, handles: str, services: list[str], bell: str | None = None
) -> None:
    """Say ``ready`` with the instrument armed; then, for each line, the services' verdicts, or wait inside of a batch.

    It rings the ``bell`` before each turn.
    """
    with adopted(backend, written, text, handles) as site:
        if bell is not None:
            ring_before_turns(site, Bell(Path(bell)))
        _answer(site, services)


def _answer(site: Site, services: list[str]) -> None:
    with Lab.on(site) as lab:
        print("ready", flush=True)
        while (word := sys.stdin.readline().strip()) != "end":
            if word == "begin a batch":
                with lab.batch():
                    lab.probe("client", "server", services[0])
                    print("inside", flush=True)
                    sys.stdin.readline()
            print(json.dumps([str(lab.probe("client", "server", service)) for service in services]), flush=True)


if __name__ == "__main__":
    does: dict[str, Callable[..., None]] = {"keep": keep, "ask": ask, "worlds": worlds}
    does[sys.argv[1]](Backend(sys.argv[2]), *json.loads(sys.stdin.readline()))
