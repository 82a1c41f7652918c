"""Commands in a node's world, from outside: through its door, without entering any namespace."""

from __future__ import annotations

import os
import select
import socket as sockets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath
from types import TracebackType
from typing import IO, Any, Self

from lab.errors import MeasurementError, Problem
from lab.kernel.stage.program.door_client import connect, hear, resize, tell


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended: its exit code (128 and the signal's number where one killed it), and what it printed."""

    code: int
    out: bytes
    err: bytes


class Running:
    """A command in a world; it is killed, with all of its session, when this is closed or its process ends."""

    def __init__(self, door: str, asked: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        self._door = door
        self._code: int | None = None
        self._channel = _channel(door)
        try:
            tell(self._channel, asked, descriptors)
        except OSError as error:
            self._channel.close()
            raise _nobody(door, error.strerror) from error

    @property
    def descriptor(self) -> int:
        """What is readable once it has ended."""
        return self._channel.fileno()

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self.code is not None

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs.  Raises MeasurementError when its world has gone."""
        if self._code is None and self._readable(0):
            self._code = int(self._answer()[0].get("code", 0))
        return self._code

    def wait(self, seconds: float | None = None) -> int:
        """Its exit code, once it has ended; raises MeasurementError when its world has gone, or it has not after so long."""
        if self._code is None and not self._readable(seconds):
            raise MeasurementError(Problem(f"{_node(self._door)}: the command did not end within {seconds:g} s"))
        code = self.code
        assert code is not None
        return code

    def signal(self, signum: int) -> None:
        """Send it, and its process group, a signal; nothing where it has ended."""
        with suppress(OSError):
            tell(self._channel, {"signal": int(signum)})

    def close(self) -> None:
        """Kill what still runs of it."""
        self._channel.close()

    def _readable(self, seconds: float | None) -> bool:
        waiting = select.poll()
        waiting.register(self._channel.fileno(), select.POLLIN)
        return bool(waiting.poll(None if seconds is None else seconds * 1000))

    def _answer(self) -> tuple[dict[str, Any], list[int]]:
        """What its door says next."""
        if (heard := hear(self._channel)) is None:
            raise _nobody(self._door, "its world has gone")
        if "error" in heard[0]:
            raise MeasurementError(Problem(str(heard[0]["error"])))
        return heard

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class Terminal(Running):
    """A command on a terminal of its own, whose other side we have: ``descriptor`` is its screen and its keyboard."""

    def __init__(self, door: str, argv: Sequence[str], size: tuple[int, int], environment: Mapping[str, str]) -> None:
        super().__init__(door, {"argv": list(argv), "environment": dict(environment), "terminal": list(size)})
        self._master = -1
        try:
            given = self._answer()[1]
            if not given:
                raise _nobody(door, "its world has no terminal to give")
            self._master = given[0]
        except BaseException:
            self.close()
            raise

    @property
    def descriptor(self) -> int:
        """The terminal: what the command prints is read there, what is typed is written; it says EIO once nobody has it."""
        return self._master

    @property
    def end(self) -> int:
        """What is readable once the command has ended."""
        return self._channel.fileno()

    def resize(self, rows: int, columns: int) -> None:
        """Give it another size."""
        resize(self._master, rows, columns)

    def close(self) -> None:
        """Hang up, and kill what still runs of it."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1
        super().close()


def run_at(door: str, argv: Sequence[str], *, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> Ended:
    """Run a command in a world until it ends; what it leaves running there goes on.

    Raises MeasurementError when nobody is behind the door; a command that is not there has the code 127.
    """
    with _anonymous("in") as given, _anonymous("out") as out, _anonymous("err") as err:
        given.write(stdin)
        given.seek(0)
        descriptors = (given.fileno(), out.fileno(), err.fileno())
        with start_at(door, argv, descriptors, environment or {}) as running:
            code = running.wait()
        return Ended(code, _content(out), _content(err))


def start_at(door: str, argv: Sequence[str], descriptors: tuple[int, int, int], environment: Mapping[str, str]) -> Running:
    """Start a command in a world, with these as its input and what it prints on; raises as `run_at`."""
    return Running(door, {"argv": list(argv), "environment": dict(environment)}, descriptors)


def terminal_at(door: str, argv: Sequence[str], *, size: tuple[int, int], environment: Mapping[str, str]) -> Terminal:
    """Start a command in a world on a terminal of ``size`` (rows, columns); raises as `run_at`."""
    return Terminal(door, argv, size, environment)


def _channel(door: str) -> sockets.socket:
    try:
        return connect(door)
    except OSError as error:
        raise _nobody(door, error.strerror) from error


def _nobody(door: str, why: str | None) -> MeasurementError:
    return MeasurementError(Problem(f"{_node(door)}: nobody answers at its door: {why}", mend="lab ls"))


def _node(door: str) -> str:
    return PurePath(door).name


def _anonymous(name: str) -> IO[bytes]:
    return os.fdopen(os.memfd_create(name), "w+b", buffering=0)


def _content(file: IO[bytes]) -> bytes:
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0)
