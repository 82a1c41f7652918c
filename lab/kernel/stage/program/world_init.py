"""Process 1 of a node's world: it makes its root, opens its door, and gives each who comes a process that serves him.

As `lab.kernel.stage.program.init` it runs in a Python of its own, told what to make by its standard input, and ends with it.
All that it needs is imported before the machine's files are gone.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import socket as sockets
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from lab.kernel.ground import landlock
from lab.kernel.ground.forbidden import give_up_kernel_log
from lab.kernel.ground.own_name import call_itself
from lab.kernel.ground.syscalls import die_with_parent, give_up_capabilities, give_up_new_privileges
from lab.kernel.stage.program.door_server import serve
from lab.kernel.stage.program.init import CONTROL, KEPT, in_a_new_world, reap, woken_by_children
from lab.kernel.stage.program.world_root import DEVICES, OWN_FOLDERS, furnish

OPEN = b"open"
_NULL = "/dev/null"
_LARGEST = 64 << 20  # bytes of a file that is written here
_BACKLOG = 128


def main(status: int) -> None:
    """Do as the pipe says; ``status`` is told `OPEN`, or why the world cannot be."""
    in_a_new_world(status, _first)


def _first(asked: Mapping[str, Any], status: int) -> int:
    try:
        die_with_parent(signal.SIGKILL)
        woken = woken_by_children()
        call_itself("lab-door")
        listener = _door(f"{asked['doors']}/{asked['hostname']}")
        furnish(asked)
        _confine()
    except OSError as error:
        os.write(status, f"{error.filename}: {error.strerror}".encode() if error.filename else str(error).encode())
        return 127
    os.write(status, OPEN)
    os.close(status)
    return _attend(listener, woken, asked)


def _door(path: str) -> sockets.socket:
    """What listens at the node's door, before the root that it lies in is gone."""
    folder, name = os.path.split(path)
    held = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    listener = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=held)
    listener.bind(f"/proc/self/fd/{held}/{name}")
    os.chmod(name, 0o600, dir_fd=held)
    os.close(held)
    listener.listen(_BACKLOG)
    return listener


def _confine() -> None:
    """What holds for all that is ever started here, in one domain, so that a node's processes may see each other."""
    give_up_new_privileges()
    give_up_capabilities(KEPT)
    with suppress(OSError):  # of a kernel without seccomp
        give_up_kernel_log()
    with suppress(OSError):  # without Landlock the mounts are read-only all the same
        landlock.restrict_thread(
            writes=(*DEVICES, "/dev/ptmx", "/dev/pts", "/proc/sys/net"), executes=None, owns=OWN_FOLDERS
        )
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST, _LARGEST))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _attend(listener: sockets.socket, woken: int, asked: Mapping[str, Any]) -> int:
    """Let in who comes and reap who has ended, until the keeper's pipe ends."""
    listener.setblocking(False)  # noqa: FBT003 - the system's own call
    waiting = select.poll()
    for descriptor in (CONTROL, woken, listener.fileno()):
        waiting.register(descriptor, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in waiting.poll()}
        if CONTROL in ready and not os.read(CONTROL, 16):
            return 0
        if woken in ready:
            os.read(woken, 4096)
            while reap() is not None:
                pass
        if listener.fileno() in ready:
            with suppress(OSError):  # whoever it was has left again, or there is no process to be had
                channel, _ = listener.accept()
                with channel:
                    channel.setblocking(True)  # noqa: FBT003 - the system's own call
                    if os.fork() == 0:
                        os._exit(_serve_one(channel, listener, asked))


def _serve_one(channel: sockets.socket, listener: sockets.socket, asked: Mapping[str, Any]) -> int:
    """What a process that serves one connection does; it holds nothing of process 1's."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    listener.close()
    with suppress(OSError):
        null = os.open(_NULL, os.O_RDWR | os.O_CLOEXEC)
        os.dup2(null, CONTROL)
        serve(channel, asked["hostname"], asked["environment"])
    return 0
