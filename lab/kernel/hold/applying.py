"""Commands that change what a node holds, at work one after another while the caller does something else."""

from __future__ import annotations

import json
import os
import socket as sockets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.errors import InputError, LabError, MeasurementError, Problem
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.syscalls import readable
from lab.kernel.ground.tools import DEADLINE_S, Finished
from lab.kernel.hold.kinds import NFT_FAMILIES, refusal, refusal_of_one
from lab.kernel.hold.named_objects import make
from lab.kernel.stage.node import Node
from lab.kernel.stage.program import apply_server
from lab.kernel.stage.program.process import THIS_PYTHON, found
from lab.ruleset.applying.command import Command
from lab.ruleset.backend import Backend
from lab.ruleset.named_objects import objects_named
from lab.ruleset.rulesets import Rulesets

_FOLDER = "/run/lab-apply"


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has ended: when it began and ended (monotonic clock, ns), its exit code, and what it printed.

    ``code`` is negative where a signal ended it.
    """

    command: Command
    begun: int
    ended: int
    code: int
    out: str = ""
    err: str = ""


class _Connects:
    """The witness of the server: it has come to a socket that the node alone has."""

    what = "it has connected"

    def __init__(self, name: str) -> None:
        self.name = name
        self.connection: sockets.socket | None = None
        self._listening: sockets.socket | None = None

    @property
    def descriptor(self) -> int | None:
        """The socket's."""
        return None if self._listening is None else self._listening.fileno()

    def arm(self, namespace: Namespace) -> dict[str, str]:
        """Open the socket: an abstract name belongs to a network namespace (unix(7)), and is no file."""
        self._listening = namespace.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
        self._listening.bind(f"\0{self.name}")
        self._listening.listen(1)
        return {}

    def saw(self, printed: str) -> bool:  # noqa: ARG002
        """Take the connection, if it is there."""
        assert self._listening is not None
        try:
            self.connection, _ = self._listening.accept()
        except BlockingIOError:
            return False
        self.connection.settimeout(0)
        return True

    def close(self) -> None:
        """Close the socket that listened."""
        if self._listening is not None:
            self._listening.close()


class Applying:
    """``commands`` in the node, one after another; nothing of it waits but where it says so.

    The first runs once `advance` is called.  ``rulesets`` are what the commands were made of, so that a refusal tells the line.
    Used as::

        with Applying(node, commands(how, old, new, backend), new, backend) as applying:
            while applying.advance():
                readable(applying.descriptor, 1)

    Raises MachineError where a tool is not on this machine; nothing of a command has run then.
    """

    def __init__(
        self,
        node: Node,
        commands: Sequence[Command],
        rulesets: Rulesets = Rulesets(),  # noqa: B008 - frozen
        backend: Backend = Backend.NFT,
    ) -> None:
        self.commands = tuple(commands)
        self._texts, self._backend = dict(rulesets.parts()), backend
        self._ran: list[Ran] = []
        self._running = False
        self._ended = False
        self._read = b""
        self.trouble: LabError | None = None
        """Why a command failed, which is then the last: an InputError with the line of the ruleset where it is known."""
        asked = [([str(Path(found(node.name, one.argv[0])).absolute()), *one.argv[1:]], one.stdin) for one in self.commands]
        for kind, text in self._texts.items():
            if kind in NFT_FAMILIES:
                make(node.namespace, objects_named(kind, text.text))
        files = {
            f"{_FOLDER}/server.py": Path(apply_server.__file__).read_text(encoding="utf-8"),
            f"{_FOLDER}/commands": json.dumps(asked),
        }
        witness = _Connects(f"lab-{os.urandom(8).hex()}")
        argv = [THIS_PYTHON, "-I", "-S", "-B", f"{_FOLDER}/server.py", witness.name, f"{_FOLDER}/commands"]
        self._program = node.start(argv, ready=witness, files=files)
        assert witness.connection is not None
        self._channel = witness.connection

    @property
    def descriptor(self) -> int:
        """What is readable when a command has ended, or who runs them was killed."""
        return self._channel.fileno()

    @property
    def ran(self) -> tuple[Ran, ...]:
        """Those that have ended by now, in their order."""
        return tuple(self._ran)

    @property
    def running(self) -> bool:
        """Whether a command is at work now."""
        self._take()
        return self._running

    @property
    def done(self) -> bool:
        """Whether nothing more comes: all have run, one has failed, or was killed."""
        return self._ended

    def advance(self) -> bool:
        """Start the next command if none is at work; False once nothing more comes."""
        self._take()
        if self._running or self._ended:
            return self._running
        if len(self._ran) == len(self.commands):
            self._end()
            return False
        self._running = True
        with suppress(BrokenPipeError, ConnectionResetError):  # it was killed, which is read next
            self._channel.send(b"n")
        return True

    def finish(self) -> tuple[Ran, ...]:
        """Run what is left, and wait for it; raises `trouble`, and MeasurementError for a command that does not end."""
        while self.advance():
            if not readable(self.descriptor, DEADLINE_S):
                command = self.commands[len(self._ran)]
                self.kill()
                raise MeasurementError(Problem(f"`{command}` did not end within {DEADLINE_S:g} s, and was killed"))
        if self.trouble is not None:
            raise self.trouble
        return self.ran

    def kill(self) -> None:
        """Kill what is at work, as SIGKILL does, with all that it started; waits until the kernel has done so."""
        self._take()
        self._end()

    def _take(self) -> None:
        """Read what was told, as far as it is there."""
        while self._running:
            try:
                part = self._channel.recv(1 << 16)
            except BlockingIOError:
                return
            except ConnectionResetError:  # killed with a byte that it had not read
                part = b""
            if not part:
                self.trouble = MeasurementError(Problem(f"what ran `{self.commands[len(self._ran)]}` has ended before it"))
                self._end()
                return
            self._read += part
            line, ended, rest = self._read.partition(b"\n")
            if ended:
                self._read = rest
                self._running = False
                self._hear(json.loads(line))

    def _hear(self, told: dict[str, object]) -> None:
        command = self.commands[len(self._ran)]
        ran = Ran(command, **told)  # type: ignore[arg-type]
        self._ran.append(ran)
        if ran.code != 0 and not command.may_fail:
            self.trouble = self._refused(ran)
            self._end()

    def _refused(self, ran: Ran) -> LabError:
        command = ran.command
        done = Finished(ran.code, ran.out, ran.err)
        text = self._texts.get(command.kind)
        if text is not None and command.stdin and command.line is None:
            return refusal(command.kind, self._backend, done, text)
        if text is not None:
            return refusal_of_one(command, self._backend, done, text)
        said = " ".join((ran.err or ran.out).split()) or "it says nothing"
        how = f"ended with {ran.code}" if ran.code >= 0 else f"died of signal {-ran.code}"
        return InputError(Problem(f"`{command}` {how}: {said[-2000:]}"))

    def _end(self) -> None:
        self._ended, self._running = True, False
        self._program.stop()

    def close(self) -> None:
        """Kill what is left of it."""
        self._end()
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
