"""Runs commands in a node one after another, each when the lab says so, and tells of each when it began, ended, and how.

It is handed into the node as text: of the lab it knows the socket's name and the file that its commands stand in.  For each
byte that it reads it runs the next, and answers with one line of JSON.  Times are those of the monotonic clock, in nanoseconds.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time

_MOST_TOLD = 1 << 20  # bytes of what a command prints
_NOT_STARTED = 127  # as a shell tells it


def _anonymous(name: str, text: bytes = b"") -> int:
    descriptor = os.memfd_create(name)
    at = 0
    while at < len(text):
        at += os.write(descriptor, text[at:])
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _told(descriptor: int) -> str:
    size = min(os.fstat(descriptor).st_size, _MOST_TOLD)
    return os.pread(descriptor, size, 0).decode(errors="replace")


def _run(argv: list[str], stdin: str) -> dict[str, object]:
    """Run one command to its end; 127 is the code of one that cannot be started."""
    given, out, err = _anonymous("in", stdin.encode()), _anonymous("out"), _anonymous("err")
    begun = time.monotonic_ns()
    try:
        actions = [(os.POSIX_SPAWN_DUP2, one, number) for number, one in enumerate((given, out, err))]
        child = os.posix_spawn(argv[0], argv, os.environ, file_actions=actions)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        ended = time.monotonic_ns()
        return {"begun": begun, "ended": ended, "code": code, "out": _told(out), "err": _told(err)}
    except OSError as error:
        said = f"cannot be started: {error.strerror}"
        return {"begun": begun, "ended": time.monotonic_ns(), "code": _NOT_STARTED, "out": "", "err": said}
    finally:
        for descriptor in (given, out, err):
            os.close(descriptor)


def main(name: str, commands: str) -> None:
    """Connect, and run them as they are asked for, until the lab lets go or there are no more."""
    with open(commands) as file:
        waiting = json.load(file)
    with socket.socket(socket.AF_UNIX) as lab:
        lab.connect(f"\0{name}")
        for argv, stdin in waiting:
            if not lab.recv(1):
                return
            lab.sendall(json.dumps(_run(argv, stdin)).encode() + b"\n")
        lab.recv(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
