"""A lab brought up, and taken down, by processes that come and go."""

from __future__ import annotations

import os
import pickle
import select
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import lab
from lab.errors import LabError, MachineError, Problem
from lab.keep.entry import Entry, entries, find
from lab.keep.keeper import Wanted
from lab.keep.runtime import require_name, runtime_folder
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.written.topology import Topology

_ENDING_S = 30.0
_KEEPER = "import sys; sys.path[:] = sys.argv[1:]; from lab.keep.keeper import main; main()"


def start(
    topology: Topology,
    policies: Mapping[str, Rulesets],
    name: str = "",
    *,
    about: str = "",
    backend: Backend = Backend.NFT,
    drill: str = "",
    files: Mapping[str, Mapping[str, str]] | None = None,
    hidden: Iterable[Path] = (),
) -> Entry:
    """Bring a lab up; returns when it stands and its rules are in force.

    ``name`` is by default the topology's, with a number where that is taken.  ``files`` are those of each node's world,
    ``hidden`` what of this machine no shell in a node may see.  Raises what building a lab raises, and InputError for a name
    that is taken; nothing then remains.
    """
    root = runtime_folder()
    name = name or _free_name(topology.topology)
    require_name(name)
    wanted = Wanted(root, name, about, topology, policies, backend, drill, files or {}, (root, *hidden))
    path = [entry for entry in dict.fromkeys((*sys.path, str(Path(lab.__file__).parents[1]))) if entry.startswith("/")]
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-X", "utf8", "-c", _KEEPER, *path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:  # fmt: skip
        told = _told(_answer(process, pickle.dumps(wanted)))
        process.returncode = 0  # it goes on by itself
    if told is not None:
        raise told
    return find(name)


def _answer(process: subprocess.Popen[bytes], asked: bytes) -> bytes:
    """What the keeper says; it is not waited for that the process ends, as it goes on."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):
        process.stdin.write(asked)
        process.stdin.close()
    return process.stdout.read()


def _told(said: bytes) -> LabError | None:
    if not said:
        return MachineError(Problem("the keeper of the lab ended before it stood"))
    found = pickle.loads(said)
    if found is None:
        return None
    kind, problems = found
    error = kind(problems)
    assert isinstance(error, LabError)
    return error


def _free_name(topology: str) -> str:
    taken = {entry.name for entry in entries()}
    names = (topology[:36], *(f"{topology[:36]}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def stop(entry: Entry) -> None:
    """Take a lab down; returns when nothing of it is left.  Raises MachineError where it does not end."""
    ends = [descriptor for process in (entry.keeper, entry.sweeper) if (descriptor := _opened(process)) is not None]
    try:
        with suppress(ProcessLookupError):
            os.kill(entry.keeper, signal.SIGTERM)
        for descriptor in ends:
            if not _ended(descriptor):
                what = f"{entry.name} did not end within {_ENDING_S:g} s"
                raise MachineError(Problem(what, mend=f"kill -9 {entry.keeper}: with the keeper all of it goes"))
    finally:
        for descriptor in ends:
            os.close(descriptor)


def wait_for_end(entry: Entry) -> None:
    """Return when the lab is down, whoever took it down."""
    if (descriptor := _opened(entry.keeper)) is not None:
        try:
            _ended(descriptor, None)
        finally:
            os.close(descriptor)


def _opened(process: int) -> int | None:
    with suppress(ProcessLookupError):
        return os.pidfd_open(process)
    return None


def _ended(descriptor: int, seconds: float | None = _ENDING_S) -> bool:
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(None if seconds is None else seconds * 1000))
