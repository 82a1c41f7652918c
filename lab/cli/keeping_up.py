"""Labs that stay up, as the command line has them: brought up, listed, taken down."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence

from lab.cli.given import Given
from lab.cli.options import BackendChoice
from lab.errors import InputError, Problem
from lab.keep.boot import boot_files
from lab.keep.entry import Entry, entries, find
from lab.keep.runtime import require_name
from lab.keep.starting import start, stop, wait_for_end
from lab.kernel.ground.tools import need
from lab.prepare.scene import Scene
from lab.report.plain import plain
from lab.ruleset.backend import Backend

_FAMILIES = (4, 6)


def bring_up(given: Given, chosen: BackendChoice, name: str, *, foreground: bool) -> None:
    """Bring a lab up and say how to come to it; in the foreground it goes down with this command."""
    if len(chosen.backends) > 1:
        raise InputError(Problem("a lab is up on one backend", mend="--backend nft"))
    if name:
        require_name(name)
    (backend,) = chosen.backends
    scene = given.scene(backend)
    entry = kept_up(scene, backend, name, about=_about(given))
    _tell(scene, entry)
    if not foreground:
        return
    print(f"in the foreground: Ctrl-C takes {entry.name} down", flush=True)
    try:
        wait_for_end(entry)
    finally:
        stop(entry)
    print(f"{entry.name} was taken down")


def kept_up(scene: Scene, backend: Backend, name: str, *, about: str) -> Entry:
    """The scene brought up, with what its nodes boot into in their files."""
    for tool in ("ip", "iptables"):
        need(tool)
    return start(
        scene.topology, scene.policies, name, about=about, backend=backend, files=boot_files(scene.topology, scene.policies)
    )


def _about(given: Given) -> str:
    if given.dumps is not None:
        return f"a twin of {', '.join(given.dumps.files)}"
    return f"as in {given.matrices[0]}" if given.matrices else ""


def _tell(scene: Scene, entry: Entry) -> None:
    for note in (*scene.notes(_FAMILIES), *(f"guessed: {guess}" for guess in scene.guesses)):
        print(plain(f"note: {note}"), file=sys.stderr)
    print(plain(f"{entry.name} is up: {', '.join(entry.nodes)}"))
    gateway = next(iter(scene.policies), entry.nodes[0])
    print(plain(f"  lab shell {entry.name} {gateway}    lab status {entry.name}    lab down {entry.name}"), flush=True)


def take_down(names: Sequence[str], *, everything: bool) -> None:
    """Take these down, or all; raises InputError for one that is not up before any is."""
    if not names and not everything:
        raise InputError(Problem("which lab?", mend="lab down NAME, or lab down --all; `lab ls` lists them"))
    for entry in entries() if everything else [find(name) for name in dict.fromkeys(names)]:
        stop(entry)
        print(plain(f"{entry.name} is down"))


def list_labs() -> None:
    """Print a line for each lab that is up."""
    for line in _table(entries(), time.time()):
        print(plain(line))


def _table(up: Iterable[Entry], now: float) -> list[str]:
    rows = [("LAB", "TOPOLOGY", "UP", "NODES", "")]
    for entry in up:
        about = f"drill {entry.drill}" if entry.drill else entry.about
        rows.append((entry.name, entry.topology, _age(now - entry.since), ", ".join(entry.nodes), about))
    if len(rows) == 1:
        return ["no lab is up"]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    padded = ([*(f"{one:{width}}" for one, width in zip(row[:4], widths, strict=True)), row[4]] for row in rows)
    return ["  ".join(row).rstrip() for row in padded]


def _age(seconds: float) -> str:
    """How long ago, in the largest unit that fits."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
