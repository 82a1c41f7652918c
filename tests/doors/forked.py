"""Commands of ``lab`` in forks of one process that has imported it, in place of as many starts of Python.

What `take` refuses is started as a user starts it.  It refuses the first of each command, so that in each run of the tests
every command has begun once with nothing imported, and in a test that runs alone all do.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

_STARTED_ALONE = ("pytest", "bench")  # they start a Python of their own
_AT_THE_START = ("PYTHON", "LC_", "LANG", "LD_", "TZ")  # what Python reads when it begins means nothing to a fork
_LARGEST = 64 << 10


class Forks:
    """The process that forks, and the commands that were begun without it."""

    def __init__(self) -> None:
        self._begun: set[str] = set()
        self._begins_with = _begins_with(os.environ)
        self._busy = threading.Lock()
        self._server: tuple[socket.socket, subprocess.Popen[bytes]] | None = None

    def take(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], deadline_s: float
    ) -> tuple[int, bytes, bytes] | None:
        """The exit code, output and errors of ``lab ARGUMENTS``, both through pipes; None for what is to be started."""
        name = next((word for word in command[1:] if not word.startswith("-")), "")
        if name in _STARTED_ALONE or name not in self._begun or any(word in ("-h", "--help") for word in command):
            self._begun.add(name)
            return None
        asked = json.dumps([list(command), str(folder), dict(environment)]).encode()
        if _begins_with(environment) != self._begins_with or len(asked) > _LARGEST:
            return None
        if not self._busy.acquire(blocking=False):
            return None
        try:
            return self._ask(asked, deadline_s)
        finally:
            self._busy.release()

    def _ask(self, asked: bytes, deadline_s: float) -> tuple[int, bytes, bytes]:
        if self._server is None:
            self._server = _begin()
        channel, _ = self._server
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        nothing = os.open(os.devnull, os.O_RDONLY)
        ends = (nothing, out_end, err_end)
        socket.send_fds(channel, [asked], ends)
        for end in ends:
            os.close(end)
        number = self._answer()
        try:
            told = _read((out, err), deadline_s)
        except subprocess.TimeoutExpired:
            os.kill(number, signal.SIGKILL)
            raise
        finally:
            os.close(out)
            os.close(err)
            code = self._answer()
        return code, told[0], told[1]

    def _answer(self) -> int:
        assert self._server is not None
        channel, process = self._server
        answer = channel.recv(64)
        if not answer:
            raise RuntimeError(f"the process that forks has ended: {process.communicate()[1].decode(errors='replace')}")
        return int(answer)


@cache
def forks() -> Forks:
    """Those of this process."""
    return Forks()


def _begins_with(environment: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in environment.items() if key.startswith(_AT_THE_START)}


def _begin() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Start the process that forks; it ends when this one does.  Its output are pipes, as that of the forks is."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", "from tests.doors.forked import serve; serve()", str(theirs.fileno())],
            cwd=Path(__file__).parents[2], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, pass_fds=(theirs.fileno(),),
        )  # fmt: skip
    return ours, process


def _read(pipes: Sequence[int], deadline_s: float) -> list[bytes]:
    """All that comes out of the pipes."""
    until = time.monotonic() + deadline_s
    told = {pipe: bytearray() for pipe in pipes}
    with selectors.DefaultSelector() as waiting:
        for pipe in pipes:
            waiting.register(pipe, selectors.EVENT_READ)
        while waiting.get_map():
            ready = waiting.select(until - time.monotonic())
            if not ready:
                raise subprocess.TimeoutExpired("lab", deadline_s, *map(bytes, told.values()))
            for key, _ in ready:
                if read := os.read(key.fd, 1 << 16):
                    told[key.fd] += read
                else:
                    waiting.unregister(key.fd)
    return [bytes(one) for one in told.values()]


def serve() -> None:
    """Fork for each command that is asked for; a fork returns from here into it, and ends as any Python does."""
    import gc

    with socket.socket(fileno=int(sys.argv[1])) as channel:
        _import_all()
        gc.collect()
        gc.freeze()  # what is there is there for all
        while True:
            asked, descriptors, *_ = socket.recv_fds(channel, _LARGEST + 1, 3)
            if not asked:
                return
            number = os.fork()
            if number == 0:
                break
            for descriptor in descriptors:
                os.close(descriptor)
            channel.send(str(number).encode())
            channel.send(str(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])).encode())
    command, folder, environment = json.loads(asked)
    _become(command, folder, environment, descriptors)
    from lab.cli.main import main

    main()


def _import_all() -> None:
    """All that a command imports, before it begins and later; nothing is called."""
    from lab import cli
    from lab.cli import commands

    for package in (cli, commands):
        for module in iter_modules(package.__path__):
            import_module(f"{package.__name__}.{module.name}")


def _become(command: list[str], folder: str, environment: dict[str, str], descriptors: list[int]) -> None:
    """What a process is that was started with this command, in this folder."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    for descriptor in descriptors:
        os.close(descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[:] = command
    sys.path[0] = str(Path(command[0]).parent)
