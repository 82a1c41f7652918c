"""The one place that starts a program that goes on in a node."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import IO, Self

import lab
from lab.errors import InputError, MachineError, MeasurementError, Problem
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.tools import ENVIRONMENT, need
from lab.kernel.stage.program.witness import Witness

DEADLINE_S = 60.0  # for a witness, however busy the machine is
_PRINTED = 64 << 20  # bytes of output, and of any file that it writes
_SHOWN = 2000  # characters of its output in a message: the last
_ASK_AGAIN_MS = 5  # a witness that nobody notifies is asked again after so long, or when the program ends
_OWN = ("/run/", "/tmp/")
THIS_PYTHON = "/proc/self/exe"  # may be executed where its name may lead where only others may go
_INIT = "import sys; sys.path[:] = sys.argv[3:]; from importlib import import_module; "
_INIT += "import_module(sys.argv[2]).main(int(sys.argv[1]))"
_PROGRAM = "lab.kernel.stage.program.init"


class Process:
    """``argv`` at work in the node ``name``, from now until `stop`; it dies with the lab, and with it all that it started.

    It has net, mnt, uts, pid and ipc namespaces: its hostname is the node's name, its /proc shows its own processes, and it
    writes below a /run and a /tmp of its own alone, where ``files`` (path to text) lie from the start; ``environment`` is all
    that it sees of ours.  With ``ready`` it is waited for, until that witness has seen it.

    Raises MachineError when it is not on this machine or namespaces cannot be made, InputError for a file elsewhere,
    MeasurementError when it ends, or is not ready within `DEADLINE_S`; nothing then remains.
    """

    def __init__(
        self,
        name: str,
        namespace: Namespace,
        argv: Sequence[str],
        *,
        ready: Witness | None = None,
        files: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        files, environment = dict(files or {}), dict(environment or {})
        _refuse_untellable(name, argv, files, environment)
        command = [found(name, argv[0]), *argv[1:]]
        self._set_up(name, argv)
        try:
            told = ready.arm(namespace) if ready is not None else {}
            asked = {
                "argv": command, "hostname": name, "files": files, "printed": _PRINTED,
                "environment": {**ENVIRONMENT, **environment, **told},
            }  # fmt: skip
            self._start(namespace, json.dumps(asked).encode())
            if ready is not None:
                self._wait_for(ready)
        except BaseException:
            self.stop()
            raise
        finally:
            if ready is not None:
                ready.close()

    def _set_up(self, name: str, argv: Sequence[str]) -> None:
        self._name, self.argv = name, tuple(argv)
        self._printed = os.memfd_create("printed")
        self._said = ""
        self._popen: subprocess.Popen[bytes] | None = None

    def _start(self, namespace: Namespace, asked: bytes) -> None:
        status = self._begin(namespace, _PROGRAM)
        self._tell(asked)
        with status:
            if refused := status.read().decode(errors="replace"):
                raise MachineError(Problem(f"{self._name}: {self.argv[0]} cannot be started: {refused}"))

    def _begin(self, namespace: Namespace, module: str) -> IO[bytes]:
        """Start what becomes process 1; returns where it tells why there is nothing that it could do."""
        reading, writing = os.pipe2(os.O_CLOEXEC)
        path = [entry for entry in dict.fromkeys((*sys.path, str(Path(lab.__file__).parents[1]))) if entry.startswith("/")]
        command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", _INIT, str(writing), module, *path]
        try:
            with namespace:
                self._popen = subprocess.Popen(
                    command, executable=THIS_PYTHON, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=self._printed,
                    stderr=self._printed, pass_fds=(writing,), start_new_session=True,
                )  # fmt: skip
        finally:
            os.close(writing)
        return open(reading, "rb")

    def _tell(self, asked: bytes) -> None:
        with suppress(BrokenPipeError):  # how it ended is told through its status
            self._say(len(asked).to_bytes(8) + asked)

    def _say(self, what: bytes) -> None:
        assert self._popen is not None
        assert self._popen.stdin is not None
        self._popen.stdin.write(what)
        self._popen.stdin.flush()

    def _wait_for(self, ready: Witness) -> None:
        """Wait until the witness has seen it: by notification where there is one, and always by the program's end."""
        assert self._popen is not None
        until = monotonic() + DEADLINE_S
        ended = os.pidfd_open(self._popen.pid)
        try:
            waiting = select.poll()
            for descriptor in (ended, ready.descriptor):
                if descriptor is not None:
                    waiting.register(descriptor, select.POLLIN)
            while not ready.saw(self.output()):
                if self._popen.poll() is not None:
                    raise self._failed(f"ended with {self._popen.returncode} before {ready.what}")
                if monotonic() > until:
                    raise self._failed(f"runs, but within {DEADLINE_S:g} s it was not seen that {ready.what}")
                waiting.poll(_ASK_AGAIN_MS if ready.descriptor is None else max(0.0, until - monotonic()) * 1000)
        finally:
            os.close(ended)

    def _failed(self, how: str) -> MeasurementError:
        said = self.output().strip()[-_SHOWN:]
        return MeasurementError(Problem(f"{self._name}: {self.argv[0]} {how}{'; it said: ' + said if said else ''}"))

    @property
    def code(self) -> int | None:
        """Its exit code, 128 and the signal's number where one killed it; None while it runs."""
        return None if self._popen is None else self._popen.poll()

    @property
    def number(self) -> int:
        """The number of the process that begins its world."""
        assert self._popen is not None
        return self._popen.pid

    @property
    def stopped(self) -> bool:
        """Whether `stop` has been called."""
        return self._printed < 0

    def output(self) -> str:
        """All that it has printed by now, on both of its channels; after `stop` too."""
        if self._printed < 0:
            return self._said
        size = os.fstat(self._printed).st_size
        return os.pread(self._printed, size, 0).decode(errors="replace")

    def signal(self, signum: signal.Signals) -> None:
        """Send it a signal; nothing where it has ended."""
        with suppress(BrokenPipeError, ValueError):  # it has ended, or was stopped
            self._say(bytes([signum]))

    def wait(self, seconds: float = DEADLINE_S) -> int:
        """Its exit code, once it has ended by itself; raises MeasurementError when it has not after so long."""
        assert self._popen is not None
        try:
            return self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self._failed(f"did not end within {seconds:g} s") from None

    def stop(self) -> None:
        """End it and all that it started, and let go of its output."""
        if self._popen is not None:
            assert self._popen.stdin is not None
            with suppress(BrokenPipeError):
                self._popen.stdin.close()
            self._popen.wait()
        if self._printed >= 0:
            self._said = self.output()
            os.close(self._printed)
            self._printed = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def _refuse_untellable(name: str, argv: Sequence[str], files: Mapping[str, str], environment: Mapping[str, str]) -> None:
    """Raise InputError for what no program can be told, and for files where it has none of its own."""
    words = (*argv, *files, *files.values(), *environment, *environment.values())
    if not argv or any("\0" in word for word in words) or any("=" in key or not key for key in environment):
        raise InputError(Problem(f"{name}: {' '.join(argv)!r} is no command: no words, or what no program can be told"))
    for path in files:
        if not path.startswith(_OWN) or ".." in Path(path).parts:
            raise InputError(Problem(f"{name}: {path} is not below /run or /tmp, where a program of a node may write"))


def found(name: str, program: str) -> str:
    """The absolute path of a program, as far as it will be there for it; raises MachineError."""
    if Path(program).is_absolute() and Path(program).is_file() and not os.access(program, os.X_OK):
        raise MachineError(Problem(f"{name}: {program} is not executable", mend=f"chmod +x {program}"))
    path = need(program)
    if os.path.realpath(path).startswith(_OWN):
        what = f"{name}: {path} is not there for it, as a program of a node has a /run and a /tmp of its own"
        raise MachineError(Problem(what, mend="put it elsewhere"))
    return path
