"""What a node's door does for each who comes: a command with his descriptors, or on a terminal that is made here.

Each connection has a process of its own, which the command is a child of, and whatever it starts as soon as that has no other
parent; it knows no file of the machine, only what it has imported.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import socket as sockets
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from lab.kernel.ground.syscalls import adopt_orphans
from lab.kernel.stage.program.door_client import hear, resize, tell
from lab.kernel.stage.program.init import reap, woken_by_children

_HOME = "/root"
_NOT_FOUND, _NOT_STARTED = 127, 126


def serve(channel: sockets.socket, node: str, environment: Mapping[str, str]) -> None:
    """Do what one connection asks for, until that has ended or its asker has gone."""
    if (heard := hear(channel)) is None:
        return None
    asked, descriptors = heard
    argv = [str(word) for word in asked.get("argv") or ()]
    size = asked.get("terminal")
    if not argv or any("\0" in word for word in argv) or (size is None and len(descriptors) != 3):
        return tell(channel, {"error": f"{node}: no command was asked for", "code": _NOT_STARTED})
    master = None
    if size is not None:
        master, slave = os.openpty()
        resize(slave, *size)
        descriptors = [slave, slave, slave]
    surroundings = {**environment, **{str(name): str(value) for name, value in (asked.get("environment") or {}).items()}}
    surroundings["PATH"] = environment["PATH"]
    adopt_orphans()
    woken = woken_by_children()
    begun, beginning = os.pipe2(os.O_CLOEXEC)
    command = os.fork()
    if command == 0:
        os._exit(_become(node, argv, descriptors, surroundings, str(asked.get("cwd") or _HOME), on_terminal=size is not None))
    for descriptor in (*set(descriptors), beginning):
        os.close(descriptor)
    os.read(begun, 1)  # until it is what was asked for, or cannot be: a signal would find no session before
    os.close(begun)
    if master is not None:
        tell(channel, {"terminal": True}, (master,))
        os.close(master)  # so that it hangs up as soon as the asker has gone
    _attend(channel, command, woken)
    return None


def _become(
    node: str, argv: Sequence[str], descriptors: Sequence[int], environment: Mapping[str, str], cwd: str, *, on_terminal: bool
) -> int:
    """Become the command; returns the exit code of one that cannot be, having said why."""
    os.setsid()
    for target, descriptor in enumerate(descriptors):
        os.dup2(descriptor, target)
    if on_terminal:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for signum in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with suppress(OSError, ValueError):
            signal.signal(signum, signal.SIG_DFL)
    os.umask(0o022)
    for folder in (cwd, _HOME, "/"):
        with suppress(OSError, ValueError):
            os.chdir(folder)
            break
    try:
        os.execvpe(argv[0], [*argv], environment)
    except (OSError, ValueError) as error:
        missing = isinstance(error, OSError) and error.errno in (errno.ENOENT, errno.ENOTDIR)
        why = "there is no such command here" if missing else getattr(error, "strerror", None) or str(error)
        with suppress(OSError):
            os.write(2, f"{node}: {argv[0]}: {why}\n".encode())
        return _NOT_FOUND if missing else _NOT_STARTED


def _attend(channel: sockets.socket, command: int, woken: int) -> None:
    """Pass signals on until the command has ended, and tell its code; kill all that came of it when the asker has gone."""
    waiting = select.poll()
    for descriptor in (channel.fileno(), woken):
        waiting.register(descriptor, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in waiting.poll()}
        if woken in ready:
            os.read(woken, 4096)
            if (code := _reaped().get(command)) is not None:
                try:
                    tell(channel, {"code": code if code >= 0 else 128 - code})
                except OSError:  # what hung it up has the asker gone
                    _kill_all(command)
                return None
        if channel.fileno() in ready:
            if (heard := hear(channel)) is None:
                return _kill_all(command)
            with suppress(ProcessLookupError, ValueError, OverflowError):
                if isinstance(signum := heard[0].get("signal"), int):
                    os.killpg(command, signum)


def _reaped() -> dict[int, int]:
    """Those of our children that have ended, and their exit codes; orphans among what they started are ours too."""
    return dict(iter(reap, None))


def _kill_all(command: int) -> None:
    """Kill all that came of a command, in whatever session it is by now, until there is nobody left to start others."""
    while left := [int(one.name) for one in Path("/proc").glob("[0-9]*") if _came_of(one, command)]:
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        _reaped()


def _came_of(process: Path, command: int) -> bool:
    """Whether a process is in a command's session, or a child of ours, and has not ended (proc_pid_stat(5))."""
    try:
        state, parent, _, session = (process / "stat").read_bytes().rpartition(b")")[2].split()[:4]
    except OSError:
        return False
    return (int(session) == command or int(parent) == os.getpid()) and state not in (b"Z", b"X")
