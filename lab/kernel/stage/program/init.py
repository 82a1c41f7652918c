"""Process 1 of a program's own pid namespace: it makes the rest of its world, starts it, and takes all along when it ends.

It runs in a Python of its own, since only a process with one thread may go through unshare(2) and fork(2) safely.  The lab
speaks to it through its standard input: first what to run, as JSON behind its length in eight bytes, then one byte for each
signal that goes to the program.  When that pipe ends, however the lab ended, so does this process, and the kernel kills what
is left in its pid namespace (pid_namespaces(7)).
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket as sockets
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.kernel.ground import landlock
from lab.kernel.ground.syscalls import (
    CLONE_NEWIPC,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUTS,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    die_with_parent,
    give_up_capabilities,
    give_up_new_privileges,
    make_mounts_private,
    make_mounts_read_only,
    mount,
    unshare,
)

CONTROL = 0
_OWN_FOLDERS = {"/run": "mode=755,size=64m", "/tmp": "mode=1777,size=64m"}
KEPT = (0, 1, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 18, 23)
"""Of capabilities(7) those of a server or a daemon: its files, its users, signals, the node's network, chroot, priorities."""
_DEVICES = ("/dev/null", "/dev/zero", "/dev/tty", "/dev/ptmx", "/dev/pts", "/proc/sys/net")


def main(status: int) -> None:
    """Do as the pipe says; ``status`` is told why the program could not be started, and closed once it is."""
    in_a_new_world(status, _first)


def in_a_new_world(status: int, first: Callable[[Mapping[str, Any], int], int]) -> None:
    """Do ``first`` as process 1 of new namespaces, with what the pipe says and ``status``; its result is the exit code."""
    asked = json.loads(_exactly(int.from_bytes(_exactly(8))))
    try:
        unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID)
    except OSError as error:
        os.write(status, str(error).encode())
        return
    child = os.fork()
    if child == 0:
        os._exit(first(asked, status))
    os.close(status)
    os.close(CONTROL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os._exit(code if code >= 0 else 128 - code)


def _exactly(length: int) -> bytes:
    found = b""
    while len(found) < length:
        part = os.read(CONTROL, length - len(found))
        if not part:
            sys.exit(1)
        found += part
    return found


def _first(asked: Mapping[str, Any], status: int) -> int:
    """What process 1 does; returns the exit code of the program."""
    try:
        die_with_parent(signal.SIGKILL)
        woken = woken_by_children()
        _furnish(asked["hostname"], asked["files"])
        program = _start(asked)
    except OSError as error:
        os.write(status, f"{error.filename}: {error.strerror}".encode() if error.filename else str(error).encode())
        return 127
    except (ValueError, subprocess.SubprocessError) as error:
        os.write(status, str(error).encode(errors="replace"))
        return 127
    os.close(status)
    return _serve(program, woken)


def woken_by_children() -> int:
    """A descriptor that is readable when a child has ended."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reading


def _furnish(hostname: str, files: Mapping[str, str]) -> None:
    """A name, /proc, terminals, and two empty folders to write into: all else of the machine's files is read-only."""
    make_mounts_private()
    make_mounts_read_only()
    mount("proc", "/proc", flags=MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("devpts", "/dev/pts", "newinstance,ptmxmode=0666,mode=620", MS_NOSUID | MS_NOEXEC)
    for folder, options in _OWN_FOLDERS.items():
        mount("tmpfs", folder, options, MS_NOSUID | MS_NODEV)
    sockets.sethostname(hostname)
    for path, text in files.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)


def _start(asked: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    """The program, which can write below its own folders and nowhere else, and gains no privilege."""

    def give_up() -> None:
        give_up_new_privileges()
        give_up_capabilities(KEPT)
        with suppress(OSError):  # without Landlock the mounts are read-only all the same
            landlock.restrict_thread(writes=_DEVICES, executes=None, owns=tuple(_OWN_FOLDERS))
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["printed"], asked["printed"]))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    return subprocess.Popen(
        asked["argv"], env=asked["environment"], cwd="/tmp", stdin=subprocess.DEVNULL, start_new_session=True,
        preexec_fn=give_up,  # this process has one thread
    )  # fmt: skip


def _serve(program: subprocess.Popen[bytes], woken: int) -> int:
    """Pass signals on and reap, as process 1 does, until the program ends or the pipe does."""
    waiting = select.poll()
    for descriptor in (CONTROL, woken):
        waiting.register(descriptor, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in waiting.poll()}
        if woken in ready:
            os.read(woken, 4096)
            while (ended := reap()) is not None:
                pid, code = ended
                if pid == program.pid:
                    return code if code >= 0 else 128 - code
        if CONTROL in ready:
            signals = os.read(CONTROL, 16)
            if not signals:
                return 0
            for signum in signals:
                os.kill(program.pid, signum)


def reap() -> tuple[int, int] | None:
    """A child that has ended, which is gone with that, and its exit code; None where none has."""
    with suppress(ChildProcessError):
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid:
            return pid, os.waitstatus_to_exitcode(status)
    return None
