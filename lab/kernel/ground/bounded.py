"""Work that a stranger's file can make as long and as large as it likes: done in a process of its own, which has bounds."""

from __future__ import annotations

import os
import pickle
import resource
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from select import select
from typing import Any, NoReturn, TypeVar

from lab.kernel.ground.syscalls import die_with_parent

MOST_SECONDS = 60
"""Of a processor, so that a busy machine comes to the same."""
MOST_BYTES = 768 * 2**20
"""Beyond what this process has."""
_DEEPEST = 50_000  # calls: diagrams in pure Python go as deep as they have variables
_SAID_AFTER = 1.0  # seconds between two words of how long it has been

T = TypeVar("T")


class TooMuch(Exception):
    """The work does not fit into its bounds; says in what."""


def bounded(
    work: Callable[[], T], waiting: Callable[[float], None], *, seconds: int = MOST_SECONDS, size: int = MOST_BYTES
) -> T:
    """What ``work`` returns or raises; raises TooMuch where it takes more ``seconds`` of a processor, or bytes, than it may.

    ``waiting`` is told now and then for how many seconds it has been at work.  The process ends with this one, however that
    ends; a signal that asks for the end is this one's to obey.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        _work(work, write, seconds, size)
    os.close(write)
    try:
        answer = _received(read, waiting)
    finally:
        os.close(read)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if not answer:
        late = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU
        raise TooMuch(f"{seconds} s of computing" if late else f"{size // 2**20:,} MiB")
    kind, value = pickle.loads(answer)
    if kind == "raised":
        raise value
    return value  # type: ignore[no-any-return]


def _received(read: int, waiting: Callable[[float], None]) -> bytes:
    begun = time.monotonic()
    chunks: list[bytes] = []
    while True:
        if not select([read], [], [], _SAID_AFTER)[0]:
            waiting(time.monotonic() - begun)
            continue
        chunk = os.read(read, 2**20)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)


def _work(work: Callable[[], object], write: int, seconds: int, size: int) -> NoReturn:
    """Do it, and tell what came of it; nothing of this process goes on in its copy."""
    code = 1
    try:
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # whoever began it ends it
            signal.signal(name, signal.SIG_IGN)
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        die_with_parent(signal.SIGKILL)
        _limit(seconds, size)
        answer = _answer(work)
        with os.fdopen(write, "wb") as out:
            out.write(answer)
        code = 0
    finally:
        os._exit(code)


def _limit(seconds: int, size: int) -> None:
    sys.setrecursionlimit(_DEEPEST)
    null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(null, 2)  # CUDD says there itself that no memory is left
    has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (has + size, has + size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


def _answer(work: Callable[[], object]) -> bytes:
    told: Any
    try:
        told = "done", work()
    except MemoryError:
        return b""
    except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
        if "memory" in str(error).lower():  # of CUDD, by dd
            return b""
        told = "raised", error
    return pickle.dumps(told)
