"""The system's tools: where they are, which version, and how they are run inside a node."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from typing import IO

from lab.errors import MachineError, Problem
from lab.kernel.ground.confinement import Confined, Limits, Pipes, Program, programs
from lab.kernel.ground.namespace import Namespace

PACKAGES: Mapping[str, str] = {
    **{
        f"{tool}-{backend}{action}": "iptables"
        for tool in ("iptables", "ip6tables")
        for backend in ("nft", "legacy")
        for action in ("", "-restore", "-save")
    },
    "nft": "nftables",
    "ip": "iproute2",
    "conntrack": "conntrack",
    "ipset": "ipset",
}


# iptables-legacy locks a file of the machine across namespaces, unless it is told of another one
ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/sbin:/sbin:/usr/bin:/bin", "LC_ALL": "C", "XTABLES_LOCKFILE": "/proc/self/fd/0",
}  # fmt: skip
DEADLINE_S = 60.0


@lru_cache
def find(tool: str) -> str | None:
    """The absolute path of ``tool``, looked for in PATH and, as users lack it there, in /usr/sbin and /sbin."""
    return shutil.which(tool, path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin")))


def need(tool: str) -> str:
    """As `find`, but a missing tool is a MachineError that says how to get it."""
    path = find(tool)
    if path is None:
        package = PACKAGES.get(tool, tool)
        raise MachineError(
            Problem(f"{tool} is not on this machine", mend=f"apt-get install {package}   (or: dnf install {package})")
        )
    return path


@dataclass(frozen=True, slots=True)
class Finished:
    """A tool that has ended: its exit code, what it printed, and why it was stopped if it was (``did not end within 60 s``)."""

    code: int
    out: str
    err: str
    stopped: str = ""


class Running:
    """A tool at work inside a node, confined; it dies with the lab (PR_SET_PDEATHSIG by setpriv(1), where that is installed).

    Its input and what it prints are anonymous files, so that it works beside the caller from the moment it is made.  It has a
    minute, and one more for each MiB of its input.
    """

    def __init__(self, namespace: Namespace, argv: Sequence[str], stdin: str = "") -> None:
        guard, tool = find("setpriv"), need(argv[0])
        command = [*([guard, "--pdeathsig", "KILL"] if guard else []), tool, *argv[1:]]
        with ExitStack() as undo:
            given, self._out, self._err = (undo.enter_context(_anonymous(name)) for name in ("in", "out", "err"))
            size = given.write(stdin.encode())
            given.seek(0)
            self._program = Confined(
                Program(command, ENVIRONMENT, programs(tool, *([guard] if guard else [])), namespace),
                Pipes(given, self._out, self._err),
                Limits(seconds=DEADLINE_S * (1 + (size >> 20))),
            )
            undo.pop_all()
            given.close()

    def finish(self) -> Finished:
        """Wait until it ends, or is stopped for its limits."""
        try:
            stopped = self._program.wait()
            out, err = _content(self._out), _content(self._err)
        finally:
            self.stop()
        return Finished(self._program.code, out, err, stopped)

    def stop(self) -> None:
        """Kill it if it still runs, and let go of its output."""
        self._program.stop()
        for file in (self._out, self._err):
            file.close()


def _anonymous(name: str) -> IO[bytes]:
    return os.fdopen(os.memfd_create(name), "w+b")


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def run(namespace: Namespace, argv: Sequence[str], stdin: str = "") -> Finished:
    """Run a tool inside a node until it ends; raises MachineError when this machine does not have it."""
    return Running(namespace, argv, stdin).finish()


@lru_cache
def version(tool: str) -> str | None:
    """What ``tool --version`` prints, one line; None when it is not there."""
    path = find(tool)
    if path is None:
        return None
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, env=ENVIRONMENT)
    return (done.stdout or done.stderr).strip().splitlines()[0] if done.stdout or done.stderr else None
