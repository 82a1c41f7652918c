"""Policies' templates, rendered in a process of their own: one for a run, begun when the first policy needs it.

A template is a program, and only a process sets it limits that hold.  The process is started afresh (never forked: this one
may have threads, as a worker of xdist has), knows nothing of the environment, and dies with this one.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import lab
from lab.errors import InputError, Problem, Where
from lab.prepare.guard import THIS_PYTHON
from lab.ruleset.render import MAX_CHARACTERS, Rendered, as_it_came, as_it_is
from lab.ruleset.unfilled import Unfilled
from lab.written.policy import TEMPLATE, EnvVar, PolicyFiles

SECONDS = 7  # of the processor, for one policy: more than the sandbox itself grants, which can tell a line
DEADLINE_S = 60.0  # for one policy, however busy the machine is
WASTED_S = 10.0  # after so much time for what could not be rendered, nothing more is tried
_MAX_ANSWER = 16 * MAX_CHARACTERS
_PROGRAM = "import sys; sys.path[:] = sys.argv[2:]; from lab.prepare.template_process import main; main(int(sys.argv[1]))"


class Templates:
    """Renders policies; use it with ``with``, or `close` it."""

    def __init__(self) -> None:
        self._process: _Process | None = None
        self._wasted = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def foresee(self, folders: Sequence[Path]) -> None:
        """Start the process where one of the policies' folders holds a template, as it takes longer than a matrix to read."""
        if self._process is None and any(any(folder.glob(f"*{TEMPLATE}")) for folder in folders):
            self._process = _Process.start()

    def begin(self, policies: Sequence[PolicyFiles]) -> None:
        """Start the process if one of the policies needs it, so that it gets ready meanwhile."""
        if self._process is None and any(map(_needs_rendering, policies)):
            self._process = _Process.start()

    def render(self, policy: PolicyFiles, topology: Mapping[str, object]) -> dict[str, Rendered]:
        """The texts of a policy by kind; ``topology`` as written.  Raises InputError with every problem found."""
        came = {one.kind: as_it_came(one.text, one.shown) for one in policy.piped()}
        if not _needs_rendering(policy):
            return came | {kind: as_it_is(file, policy.around(file)) for kind, file in policy.files().items()}
        if self._wasted > WASTED_S:
            what = f"policy {policy.name} is not rendered any more: others took {self._wasted:.0f} s and were not done"
            raise InputError(Problem(what, mend="mend those first"))
        self.begin([policy])
        assert self._process is not None
        began = time.monotonic()
        try:
            return came | self._process.render(_asked(policy, topology))
        except InputError:
            # what it had to hold for one that failed, it may hold still: the next one has all of its memory
            self.close()
            self._wasted += time.monotonic() - began
            raise

    def fill(self, texts: Sequence[str], values: Mapping[str, object], limit: int) -> list[str]:
        """Texts of no file with these values filled in, of at most ``limit`` characters in all.

        Raises `lab.ruleset.filled.Unfilled` for the first that cannot be, InputError where the process ended over them.
        """
        if not texts:
            return []
        if self._process is None:
            self._process = _Process.start()
        asked = {"seconds": SECONDS, "strings": list(texts), "values": values, "limit": limit}
        try:
            return self._process.fill(json.dumps(asked).encode())
        except (InputError, Unfilled):
            self.close()
            raise


def _needs_rendering(policy: PolicyFiles) -> bool:
    files = policy.files().values()
    return bool(policy.vars and files) or any(file.suffix == TEMPLATE for file in files)


def _asked(policy: PolicyFiles, topology: Mapping[str, object]) -> bytes:
    parts = [
        {"env": part.name} if isinstance(part, EnvVar) else str(part) if isinstance(part, Path) else {"inline": part}
        for part in policy.vars
    ]
    named = [part.name for part in policy.vars if isinstance(part, EnvVar)]
    asked = {
        "seconds": SECONDS,
        "folder": str(policy.vars_folder or policy.folder),
        "files": {kind: str(file) for kind, file in policy.files().items()},
        "vars": parts,
        "environ": {name: os.environ[name] for name in named if name in os.environ},
        "jinja": policy.jinja,
        "topology": topology,
    }
    return json.dumps(asked).encode()


@dataclass(slots=True)
class _Process:
    """The process, and what it last said it was about to read."""

    popen: subprocess.Popen[bytes]
    about: str = ""

    @classmethod
    def start(cls) -> _Process:
        """Start it with the modules of this one, and with nothing else."""
        own = str(Path(lab.__file__).parents[1])
        path = [entry for entry in dict.fromkeys((*sys.path, own)) if os.path.isabs(entry)]  # noqa: PTH117
        libraries = {name: value for name, value in os.environ.items() if name == "LD_LIBRARY_PATH"}
        program = [sys.executable, "-I", "-S", "-X", "utf8", "-c", _PROGRAM, str(os.getpid()), *path]
        popen = subprocess.Popen(
            program, executable=THIS_PYTHON, env=libraries, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return cls(popen)

    def end(self) -> None:
        """Kill it, and let go of its pipes."""
        self.popen.kill()
        self.popen.wait()
        for pipe in (self.popen.stdin, self.popen.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()

    def fill(self, asked: bytes) -> list[str]:
        answer = self._asked(asked)
        if isinstance(answer.get("strings"), list):
            return [str(text) for text in answer["strings"]]
        if isinstance(answer.get("unfilled"), list):
            raise Unfilled(*answer["unfilled"])
        raise self._failed("takes more memory than a text may have")

    def render(self, asked: bytes) -> dict[str, Rendered]:
        answer = self._asked(asked)
        if isinstance(answer.get("texts"), dict):
            return {kind: Rendered(one["text"], tuple(one["sources"]), one["file"]) for kind, one in answer["texts"].items()}
        if isinstance(answer.get("problems"), list):
            raise InputError(_problem(*told) for told in answer["problems"])
        raise self._failed("takes more memory than a policy may have")

    def _asked(self, asked: bytes) -> dict[str, Any]:
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        deadline = time.monotonic() + DEADLINE_S
        self.about = ""
        with suppress(BrokenPipeError):  # how it ended is told below
            self.popen.stdin.write(len(asked).to_bytes(8) + asked)
            self.popen.stdin.flush()
        return self._answer(self.popen.stdout, deadline)

    def _answer(self, out: IO[bytes], deadline: float) -> dict[str, Any]:
        while True:
            length = int.from_bytes(self._read(out, 8, deadline))
            if length > _MAX_ANSWER:
                raise self._failed("makes more text than a policy may have")
            message = json.loads(self._read(out, length, deadline))
            if "about" not in message:
                return dict(message)
            self.about = message["about"]

    def _read(self, out: IO[bytes], length: int, deadline: float) -> bytes:
        """Exactly so many bytes of what it says."""
        parts = []
        while length:
            if not select.select([out], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise self._failed(f"was not done within {DEADLINE_S:g} s")
            part = os.read(out.fileno(), min(length, 1 << 20))
            if not part:
                raise self._failed(_end(self.popen.wait()))
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _failed(self, how: str) -> InputError:
        return InputError(Problem(f"the template {how}", Where(self.about) if self.about else None, "make it simpler"))


def _problem(what: str, file: str, line: int | None, column: int | None, mend: str) -> Problem:
    return Problem(what, Where(file, line, column) if file else None, mend)


def _end(code: int) -> str:
    """How the process ended, in words."""
    if code == -signal.SIGXCPU:
        return "takes more time than a policy may have"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"code {code}"
    return f"makes Python itself fail ({name}): it nests too deep, or takes too much memory"
