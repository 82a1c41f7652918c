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
from lab.kernel.namespace import Namespace

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
    """A tool that has ended: its exit code and what it printed."""

    code: int
    out: str
    err: str


class Running:
    """A tool at work inside a node; it dies with the lab (PR_SET_PDEATHSIG by setpriv(1), where that is installed).

    Its input and what it prints are anonymous files, so that it works beside the caller from the moment it is made.
    """

    def __init__(self, namespace: Namespace, argv: Sequence[str], stdin: str = "") -> None:
        guard = find("setpriv")
        prefix = [guard, "--pdeathsig", "KILL"] if guard else []
        command = [*prefix, need(argv[0]), *argv[1:]]
        with ExitStack() as undo:
            given, self._out, self._err = (undo.enter_context(_anonymous(name)) for name in ("in", "out", "err"))
            given.write(stdin.encode())
            given.seek(0)
            with namespace:
                self._process = subprocess.Popen(
                    command,
                    stdin=given,
                    stdout=self._out,
                    stderr=self._err,
                    # iptables-legacy locks a file of the machine across namespaces, unless it is told of another one
                    env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin", "LC_ALL": "C", "XTABLES_LOCKFILE": "/proc/self/fd/0"},
                )
            undo.pop_all()
            given.close()

    def finish(self) -> Finished:
        """Wait until it ends."""
        try:
            code = self._process.wait()
            out, err = _content(self._out), _content(self._err)
        finally:
            self.stop()
        return Finished(code, out, err)

    def stop(self) -> None:
        """Kill it if it still runs, and let go of its output."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
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
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().splitlines()[0] if done.stdout or done.stderr else None
