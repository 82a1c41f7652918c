"""The process that keeps a lab up: it holds namespaces and programs, and nothing else; when it dies, everything is gone.

It is started as `python -m lab.keep.keeper`, told by its standard input what to build, and says on its standard output that it
stands, or why not.  What starts first is the sweeper: it makes the keeper, waits for its end, however that comes, and removes
what was noted of the lab.  A keeper whose sweeper is killed takes everything down itself.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import LabError, as_lab_error
from lab.keep.entry import Entry, Kept, note
from lab.keep.relay import start_relay
from lab.keep.runtime import Claim, tidy
from lab.kernel.ground.privileges import enter
from lab.kernel.ground.syscalls import die_with_parent
from lab.kernel.stage.world import Furniture, make_doors, start_worlds
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.site import Site
from lab.written.topology import Topology

_ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be kept: ``files`` are those of each node's world, ``hidden`` what no shell in a node may see."""

    root: Path
    name: str
    about: str
    topology: Topology
    policies: Mapping[str, Rulesets]
    backend: Backend
    drill: str = ""
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    hidden: tuple[Path, ...] = ()


def main() -> None:
    """What the process does."""
    wanted: Wanted = pickle.loads(sys.stdin.buffer.read())
    sweeper = os.getpid()
    keeper = os.fork()
    if keeper == 0:
        os._exit(_kept(wanted, sweeper))
    _close_channels()
    os.chdir("/")
    ended = os.pidfd_open(keeper)
    _pass_on_until(ended, keeper)
    os.waitpid(keeper, 0)
    tidy(wanted.root)


def _pass_on_until(ended: int, keeper: int) -> None:
    """Whoever asks the sweeper to end is understood to mean the lab."""
    for one in _ENDS:
        signal.signal(one, lambda *_: os.kill(keeper, signal.SIGTERM))
    os.waitid(os.P_PIDFD, ended, os.WEXITED | os.WNOWAIT)


def _close_channels() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for channel in (0, 1, 2):
        os.dup2(nothing, channel)
    os.close(nothing)


def _kept(wanted: Wanted, sweeper: int) -> int:
    """Build it, say so, and wait to be told to end."""
    die_with_parent(signal.SIGTERM)
    if os.getppid() != sweeper:  # it died before the kernel could be told to send a signal
        return 1
    asked_to_end = _woken_by(_ENDS)
    said = os.dup(1)
    try:
        with ExitStack() as undo:
            enter()
            claim = Claim(wanted.root, wanted.name)
            undo.callback(tidy, wanted.root)
            undo.callback(claim.close)
            doors = make_doors()
            site = undo.enter_context(
                Site(wanted.topology, wanted.policies, backend=wanted.backend, ruled=wanted.topology.nodes.keys())
            )
            nodes = tuple(site.network.nodes.values())
            worlds = start_worlds(nodes, doors, lambda node: _furniture(wanted, node.name))
            for world in worlds:
                undo.callback(world.stop)
            entry = Entry(
                name=wanted.name, keeper=os.getpid(), sweeper=sweeper, since=time.time(), about=wanted.about,
                topology=wanted.topology.topology, backend=wanted.backend, handles=site.network.handles, doors=str(doors),
                worlds={node.name: world.first for node, world in zip(nodes, worlds, strict=True)}, drill=wanted.drill,
            )  # fmt: skip
            kept = Kept(wanted.topology, wanted.policies, site.lines, wanted.backend, site.held.policies)
            note(claim.folder, entry, kept)
            undo.callback(_end, start_relay(entry.model_copy(update={"folder": claim.folder}), sys.path))
            _say(said, None)
            _close_channels()
            os.chdir("/")
            os.read(asked_to_end, 1)
    except Exception as error:  # noqa: BLE001 - told by the process that asked for the lab
        _say(said, as_lab_error(error))
        return 1
    return 0


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        process.kill()
        process.wait()


def _woken_by(signals: Iterable[signal.Signals]) -> int:
    """What is readable once one of them has come, be it while the lab is still being built."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for one in signals:
        signal.signal(one, lambda *_: None)
    return reading


def _say(channel: int, what: LabError | None) -> None:
    with suppress(BrokenPipeError), os.fdopen(channel, "wb") as out:  # nobody waits for it any more
        out.write(pickle.dumps(what if what is None else (type(what), what.problems)))


def _furniture(wanted: Wanted, node: str) -> Furniture:
    return Furniture(
        hosts=hosts_text(wanted.topology), files=wanted.files.get(node, {}), hidden=wanted.hidden, lab=wanted.name,
        backend=wanted.backend.value,
    )


def hosts_text(topology: Topology) -> str:
    """What /etc/hosts of each node says: all nodes, and the names of the topology."""
    lines = ["127.0.0.1 localhost", "::1 localhost"]
    for name, spec in topology.nodes.items():
        lines += [f"{address} {name}" for family in (4, 6) for address in spec.addresses(family)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
