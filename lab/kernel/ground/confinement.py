"""Programs that work on texts of strangers, as root: what they may do beyond printing is taken from them before they start.

A thread of its own gives up its rights and starts the program, which inherits what is left: Landlock and mount namespaces are a
thread's, not a process's.  That thread lives as long as the program, since PR_SET_PDEATHSIG looks at the thread that made it.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import struct
import subprocess
import threading
from _thread import start_new_thread
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import IO

from lab.kernel.ground import landlock
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.syscalls import (
    CLONE_NEWNS,
    give_up_new_privileges,
    make_mounts_private,
    make_mounts_read_only,
    unshare,
)

_WRITES = ("/dev/null",)
_PT_INTERP = 3
_MODPROBE = "/proc/sys/kernel/modprobe"


class Means(StrEnum):
    """By what a program is kept from the machine's files."""

    LANDLOCK = "Landlock"
    READ_ONLY = "read-only mounts"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a program may run, in seconds; how much it may print, into each file, and use of memory, in bytes.

    The kernel keeps the last two from a moment after it has started.
    """

    seconds: float
    printed: int = 256 << 20
    memory: int = 4 << 30

    def of_the_kernel(self) -> tuple[tuple[int, int], ...]:
        """Those that the kernel keeps, as setrlimit(2) has them; no file is written for a program that dies."""
        return (resource.RLIMIT_FSIZE, self.printed), (resource.RLIMIT_AS, self.memory), (resource.RLIMIT_CORE, 0)


@dataclass(frozen=True, slots=True)
class Pipes:
    """What a program reads and where it prints."""

    stdin: IO[bytes] | int
    stdout: IO[bytes] | int
    stderr: IO[bytes] | int


@dataclass(frozen=True, slots=True)
class Program:
    """A command by absolute path, and what it runs in: ``environment`` is all that it sees of ours.

    ``executes`` are the files that it may execute (`programs` finds what a command needs); None is any.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    executes: Collection[str] | None = None
    namespace: Namespace | None = None
    folder: Path | None = None
    means: Sequence[Means] = field(default=tuple(Means))  # the first that works is taken


class Confined:
    """A program at work, confined: it cannot write, make or remove a file, gains no privilege, starts only ``executes``."""

    def __init__(self, program: Program, pipes: Pipes, limits: Limits) -> None:
        self._program, self._pipes, self._limits = program, pipes, limits
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = -1  # a descriptor that is readable when the program has ended (pidfd_open(2))
        self._failures: list[BaseException] = []
        self._until = monotonic() + limits.seconds
        self._begun, self._over = threading.Lock(), threading.Lock()
        self._begun.acquire()
        self._over.acquire()
        start_new_thread(self._live, ())  # threading.Thread would have the caller wait once more
        try:
            self._begun.acquire()
        except BaseException:  # Ctrl-C: it is not left to itself
            self._begun.acquire()
            self.stop()
            raise
        if self._failures:
            raise self._failures[0]

    def _live(self) -> None:
        """What the thread does: confine itself, start the program, and be there until it has ended."""
        try:
            self._process = self._start()
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked for the program
            self._failures.append(error)
        self._begun.release()
        self._over.acquire()

    def _start(self) -> subprocess.Popen[bytes]:
        confine_thread(self._program.executes, self._program.means)
        with self._program.namespace or nullcontext():  # the thread itself is not to hold a node
            process = subprocess.Popen(
                self._program.command, stdin=self._pipes.stdin, stdout=self._pipes.stdout, stderr=self._pipes.stderr,
                env=self._program.environment, cwd=self._program.folder, start_new_session=True,
            )  # fmt: skip
        try:
            self._ended = os.pidfd_open(process.pid)
            for limit, most in self._limits.of_the_kernel():
                hard = resource.prlimit(process.pid, limit)[1]
                most = most if hard == resource.RLIM_INFINITY else min(most, hard)
                resource.prlimit(process.pid, limit, (most, most))
        except BaseException:
            process.kill()
            process.wait()
            if self._ended >= 0:
                os.close(self._ended)
            raise
        return process

    def wait(self) -> str:
        """Wait until it ends; empty when it ended by itself, else why it was stopped (``did not end within 60 s``)."""
        waiting = select.poll()
        waiting.register(self._ended, select.POLLIN)
        in_time = waiting.poll(max(0.0, self._until - monotonic()) * 1000)
        self.stop()
        if not in_time:
            return f"did not end within {self._limits.seconds:g} s"
        return f"printed more than {self._limits.printed >> 20} MiB" if self.code == -signal.SIGXFSZ else ""

    def stop(self) -> None:
        """Kill it if it still runs, and all that it has started; nothing when that was done before."""
        if self._process is None or self._process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # it is not yet waited for, so the number is nobody else's
        self._process.wait()
        self._over.release()
        os.close(self._ended)

    @property
    def code(self) -> int:
        """The exit code of a program that has ended, negative the signal that killed it."""
        return -1 if self._process is None or self._process.returncode is None else self._process.returncode


def confine_thread(executes: Collection[str] | None, means: Sequence[Means] = tuple(Means)) -> Means:
    """Take from the calling thread for good what `Confined` says, by the first of ``means`` that works here; tells which."""
    for one in means:
        with suppress(OSError):
            give_up_new_privileges()
            if one is Means.LANDLOCK:
                landlock.restrict_thread(writes=_WRITES, executes=executes)
            elif one is Means.READ_ONLY:
                unshare(CLONE_NEWNS)
                make_mounts_private()
                make_mounts_read_only()
            return one
    return Means.NOTHING


def means_here() -> Means:
    """By what programs are confined on this machine; found out by doing it, in a thread that ends."""
    found: list[Means] = []
    thread = threading.Thread(target=lambda: found.append(confine_thread(())))
    thread.start()
    thread.join()
    return found[0] if found else Means.NOTHING


def programs(*paths: str) -> Collection[str] | None:
    """The files that these programs need to execute: themselves, their ELF loaders, and the machine's own modprobe.

    iptables-legacy runs modprobe where ip_tables is not loaded yet.  None when one of them is a script: what that needs is not
    known.
    """
    loaders = [loader(path) for path in paths]
    if None in loaders:
        return None
    modprobe = _modprobe()
    return [path for path in (*paths, *loaders, modprobe, modprobe and loader(modprobe)) if path]


def _modprobe() -> str:
    try:
        return Path(_MODPROBE).read_text().strip()
    except OSError:
        return ""


@lru_cache
def loader(path: str) -> str | None:
    """The ELF loader that the kernel executes for a program, empty for a static one; None for what is no ELF file."""
    try:
        with open(path, "rb") as file:
            head = file.read(64)
            if head[:4] != b"\x7fELF":
                return None
            order = "<" if head[5] == 1 else ">"
            wide = head[4] == 2
            table, = struct.unpack_from(order + ("Q" if wide else "I"), head, 32 if wide else 28)
            size, count = struct.unpack_from(order + "HH", head, 54 if wide else 42)
            for number in range(count):
                file.seek(table + number * size)
                entry = file.read(size)
                if struct.unpack_from(order + "I", entry)[0] == _PT_INTERP:
                    start, = struct.unpack_from(order + ("Q" if wide else "I"), entry, 8 if wide else 4)
                    length, = struct.unpack_from(order + ("Q" if wide else "I"), entry, 32 if wide else 16)
                    file.seek(start)
                    return file.read(min(length, 4096)).rstrip(b"\0").decode(errors="surrogateescape")
    except (OSError, struct.error, IndexError):
        return None
    return ""
