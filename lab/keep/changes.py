"""Notes what is changed in the nodes of a lab that is up, and by whom as far as the kernel tells: a process beside the keeper.

It listens, and holds nothing up: what it is told while it reads a node's rules waits in its sockets, and where these overflow
that is noted.  It ends with the keeper, by whose end it is woken.  iptables-legacy tells nothing: there the rules are read when
something was shown at a terminal of the node.
"""

from __future__ import annotations

import os
import pickle
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import lab
from lab.errors import LabError, MachineError, Problem
from lab.keep.entry import Entry
from lab.keep.joined import join
from lab.keep.node_changes import Listener
from lab.kernel.ground.namespace import Home, Namespace
from lab.kernel.stage.handles import open_namespace

NAME = "changes.jsonl"
"""The file of a lab's changes, in its folder."""
_CODE = "import sys; sys.path[:] = sys.argv[1:]; from lab.keep.changes import main; main()"
_READY = b"ready\n"


def note_changes(entry: Entry) -> None:
    """Have what is changed in the lab noted from now until it ends; returns when nothing is missed any more.

    Raises MachineError where that cannot be done.
    """
    path = [entry for entry in dict.fromkeys((*sys.path, str(Path(lab.__file__).parents[1]))) if entry.startswith("/")]
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-X", "utf8", "-c", _CODE, *path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin as asked, process.stdout as answer:
        with suppress(BrokenPipeError):  # what it said is told
            asked.write(pickle.dumps((entry, entry.folder)))
            asked.close()
        said = answer.read()
    process.returncode = 0  # it goes on by itself
    if said != _READY:
        raise MachineError(Problem(f"{entry.name}: its changes cannot be noted: {said.decode(errors='replace').strip()}"))


def main() -> None:
    """What the process does."""
    entry, folder = pickle.loads(sys.stdin.buffer.read())
    try:
        keeper = os.pidfd_open(entry.keeper)
        join(entry)
        with ExitStack() as undo:
            noting = _Noting(entry, folder, keeper, undo)
            _say(_READY)
            noting.until_the_end()
    except (LabError, OSError) as error:
        _say(str(error).encode())


def _say(what: bytes) -> None:
    """Say it, and let go of all channels: nobody waits for them."""
    with suppress(OSError):
        os.write(1, what)
    nothing = os.open(os.devnull, os.O_RDWR)
    for channel in (0, 1, 2):
        os.dup2(nothing, channel)
    os.close(nothing)


class _Noting:
    def __init__(self, entry: Entry, folder: Path, keeper: int, undo: ExitStack) -> None:
        self._keeper, home = keeper, Home()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file = os.open(folder / NAME, flags, 0o600)
        self._listeners: dict[int, Listener] = {}
        for handle in entry.handles.nodes:
            namespace = Namespace(home, open_namespace(entry.handles.pid, handle))
            listener = Listener(handle.name, namespace, entry.backend)
            undo.callback(listener.close)
            self._listeners |= dict.fromkeys(listener.descriptors, listener)
        os.chdir("/")

    def until_the_end(self) -> None:
        waiting = select.poll()
        for descriptor in (self._keeper, *self._listeners):
            waiting.register(descriptor, select.POLLIN)
        while self._keeper not in (ready := dict(waiting.poll())):
            for listener in dict.fromkeys(self._listeners[descriptor] for descriptor in ready):
                self._note(listener)

    def _note(self, listener: Listener) -> None:
        for change in listener.changes(time.time()):
            with suppress(OSError):  # no room is left: what comes later may be less
                os.write(self._file, change.to_line().encode())


def changes_of(entry: Entry) -> Iterator[str]:
    """The lines that were noted of a lab so far."""
    with suppress(OSError):
        yield from (entry.folder / NAME).read_text(encoding="utf-8", errors="replace").splitlines()
