"""``lab shell``: a shell in a node of a lab that is up, at this terminal, recorded; by a pipe it is a shell all the same."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from lab.keep.entry import Entry
from lab.keep.own_terminal import OwnTerminal, code_of, end_of, size_of
from lab.keep.recorder import Recorder
from lab.kernel.ground.syscalls import readable
from lab.kernel.ground.tools import find
from lab.kernel.stage.door import Running, Terminal, start_at, terminal_at

CASTS = "casts"
"""The folder of a lab's recordings, in its own."""
_PASSED_ON = ("TERM", "COLORTERM", "LANG", "LC_ALL", "LC_CTYPE", "LS_COLORS", "TZ")
_AT_ONCE = 64 << 10


def environment(own: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a command in a node is told of this terminal, and nothing else of ours."""
    return {name: own[name] for name in _PASSED_ON if own.get(name)}


def shell(entry: Entry, node: str) -> int:
    """A shell in ``node``, until it ends; returns its exit code.

    Where standard input is no terminal, the shell reads from it and prints to standard output and standard error as any shell
    in a pipe.  What was typed and shown is in the lab's folder of recordings.  Raises InputError for a node that is not there,
    MachineError for a lab that is not up any more.
    """
    door = entry.door_of(node)
    if not os.isatty(0):
        return _piped(entry, node, door)
    told = environment()
    size = size_of(0)
    recorder = Recorder(entry.folder / CASTS, entry.name, node, size, {"TERM": told.get("TERM", "dumb")})
    try:
        with terminal_at(door, _shell("-i"), size=size, environment=told) as terminal, OwnTerminal(0) as own:
            ended_by = stand_for(terminal, own, recorder)
            return code_of(ended_by) if ended_by is not None else terminal.wait()
    finally:
        _finish(recorder)


def stand_for(terminal: Terminal, own: OwnTerminal, recorder: Recorder) -> int | None:
    """Be screen and keyboard of a terminal elsewhere until its command ends; the signal that ended it before, if one did."""
    os.set_blocking(terminal.descriptor, False)
    return _Standing(terminal, own, recorder).until_the_end()


class _Standing:
    """What is typed waits until there is room for it there: then no more is read here, and a busy shell blocks nobody."""

    def __init__(self, terminal: Terminal, own: OwnTerminal, recorder: Recorder) -> None:
        self._terminal, self._own, self._recorder = terminal, own, recorder
        self._typed = b""

    def until_the_end(self) -> int | None:
        terminal = self._terminal
        while True:
            ready = self._ready()
            if self._own.woken in ready and (last := self._signalled()) is not None:
                return last
            if ready.get(terminal.descriptor, 0) & ~select.POLLOUT and not self._show():
                return None
            if terminal.end in ready:
                while readable(terminal.descriptor, 0) and self._show():
                    pass
                return None
            if not self._pass_on(ready):
                return signal.SIGHUP

    def _ready(self) -> dict[int, int]:
        waiting = select.poll()
        for descriptor in (self._terminal.end, self._own.woken):
            waiting.register(descriptor, select.POLLIN)
        waiting.register(self._terminal.descriptor, select.POLLIN | (select.POLLOUT if self._typed else 0))
        if not self._typed:
            waiting.register(0, select.POLLIN)
        return dict(waiting.poll())

    def _signalled(self) -> int | None:
        signals = self._own.signals()
        if signal.SIGWINCH in signals:
            rows, columns = self._own.size()
            self._terminal.resize(rows, columns)
            self._recorder.resized(rows, columns)
        return end_of(signals)

    def _show(self) -> bool:
        """Show what was printed; False when there is nothing more, or nobody to show it to."""
        try:
            said = os.read(self._terminal.descriptor, _AT_ONCE)
            self._recorder.shown(said)
            write_all(1, said)
        except BlockingIOError:
            return True
        except OSError:  # EIO: nobody has that terminal open any more, or this one
            return False
        return bool(said)

    def _pass_on(self, ready: Mapping[int, int]) -> bool:
        """Take what was typed, and give it to the terminal; False when nobody types any more."""
        if 0 in ready:
            with suppress(OSError):
                self._typed = os.read(0, _AT_ONCE)
            if not self._typed:
                return False
            self._recorder.typed(self._typed)
        with suppress(BlockingIOError):
            while self._typed:
                self._typed = self._typed[os.write(self._terminal.descriptor, self._typed) :]
        return True


def _piped(entry: Entry, node: str, door: str) -> int:
    """What is typed goes through here to be recorded, and what is printed does not."""
    recorder = Recorder(entry.folder / CASTS, entry.name, node, (24, 80), {})
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        with start_at(door, _shell(), (reading, 1, 2), environment()) as running:
            os.close(reading)
            _feed(running, writing, recorder)
            return running.wait()
    finally:
        _finish(recorder)


def _feed(running: Running, writing: int, recorder: Recorder) -> None:
    """Give a shell its standard input until that ends, or the shell does."""
    waiting = select.poll()
    for descriptor in (0, running.descriptor):
        waiting.register(descriptor, select.POLLIN)
    with os.fdopen(writing, "wb", buffering=0) as given, suppress(BrokenPipeError):
        while running.descriptor not in dict(waiting.poll()) and (said := os.read(0, _AT_ONCE)):
            recorder.typed(said)
            write_all(given.fileno(), said)


def write_all(descriptor: int, said: bytes) -> None:
    """Write all of it; raises OSError."""
    while said:
        said = said[os.write(descriptor, said) :]


def _shell(*options: str) -> Sequence[str]:
    """The machine's programs are those of a node."""
    return ("bash" if find("bash") else "sh", *options)


def _finish(recorder: Recorder) -> None:
    recorder.close()
    if recorder.trouble:
        print(f"this shell was not recorded to its end: {recorder.trouble}", file=sys.stderr)
