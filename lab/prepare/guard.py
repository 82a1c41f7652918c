"""Runs a renderer, and ends all that it started: when it is done, when it is told to, and when the lab is gone.

It is a program by itself, `guard.py PARENT STATUS LIMIT ARGV...`, and knows only the standard library.  As a subreaper
(prctl(2)) it becomes the parent of every process that the renderer leaves behind, whatever session it is in.  Into the
descriptor STATUS it writes how the renderer ended: an exit code, the negative number of a signal, or why it did not begin.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
# this program's own file, which may be executed where its name may lead where only others may go
THIS_PYTHON = "/proc/self/exe"
_TOLD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(parent: int, status: int, limit: int, argv: list[str]) -> None:
    """Run ``argv`` with files of at most ``limit`` bytes."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # where it was ignored, no child could be waited for
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGCHLD, *_TOLD))
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    os.set_inheritable(status, False)  # noqa: FBT003 - the system's own call
    if os.getppid() != parent:
        return
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        child = os.posix_spawnp(argv[0], argv, os.environ, setsigmask=(), setsigdef=(signal.SIGPIPE, signal.SIGXFSZ))
    except OSError as error:
        os.write(status, str(error).encode())
        return
    code = _ended(child)
    _end_all()
    if code is not None:
        os.write(status, str(code).encode())


def _ended(child: int) -> int | None:
    """The child's exit code when it has ended; None when a signal told to end it first."""
    while signal.sigwait((signal.SIGCHLD, *_TOLD)) == signal.SIGCHLD:
        while (found := _reaped(os.WNOHANG))[0]:
            if found[0] == child:
                return os.waitstatus_to_exitcode(found[1])
    return None


def _reaped(how: int) -> tuple[int, int]:
    try:
        return os.waitpid(-1, how)
    except ChildProcessError:
        return 0, 0


def _end_all() -> None:
    """Kill every child, and those that become ours as their own parents die, until there is none."""
    while children := _children():
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        _reaped(0)


def _children() -> list[int]:
    """Whose parent this process is: the second field behind a program's name (proc(5), stat) names it."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_bytes().rpartition(b")")[2].split()[1]) == os.getpid():
                found.append(int(stat.parent.name))
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
