"""The process that policies' templates are rendered in: it is given no secret, writes no file, and has a bounded size.

`lab.prepare.templates` starts it, and speaks with it in JSON, since nothing that a stranger's template could make of this
process may be more than text to the other side.  Each message has its length in eight bytes before it.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from lab.errors import InputError, Problem, Where
from lab.kernel.ground.landlock import restrict_thread
from lab.ruleset.filled import filled
from lab.ruleset.sandbox import Budget
from lab.ruleset.template import render
from lab.ruleset.unfilled import Unfilled
from lab.ruleset.variables import Part, load_variables

MAX_BYTES = 512 * 1024 * 1024  # beyond what the process has when it begins
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38  # linux/prctl.h


def main(parent: int) -> None:
    """Render what is asked for until nobody asks any more."""
    _confine(parent)
    while (length := sys.stdin.buffer.read(8)) and len(length) == 8:
        asked = json.loads(sys.stdin.buffer.read(int.from_bytes(length)))
        limit = int(time.process_time()) + 1 + asked["seconds"]
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
        try:
            told = _filled(asked) if "strings" in asked else _rendered(asked, sys.stdout.buffer)
            answer = json.dumps(told).encode()
        except MemoryError:
            answer = json.dumps({"memory": True}).encode()
        _send(sys.stdout.buffer, answer)


def _confine(parent: int) -> None:
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    with suppress(OSError):  # a kernel without Landlock; the limits below hold all the same
        restrict_thread(writes=(), executes=())
    if os.getppid() != parent:
        os._exit(1)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + MAX_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    for name in (signal.SIGINT, signal.SIGTERM):  # the parent ends it
        signal.signal(name, signal.SIG_IGN)


def _send(out: IO[bytes], message: bytes) -> None:
    out.write(len(message).to_bytes(8) + message)
    out.flush()


def _rendered(asked: Mapping[str, Any], out: IO[bytes]) -> Mapping[str, object]:
    """The texts by kind, or what is wrong; what it is about to read is told before, as it may never come to tell more."""
    folder = Path(asked["folder"])
    try:
        variables: dict[str, object] = {}
        parts: list[Part] = [Path(part) if isinstance(part, str) else part for part in asked["vars"]]
        if parts:
            _about(out, next((part for part in parts if isinstance(part, Path)), folder))
            variables = load_variables(parts, asked["environ"], folder=folder)
        budget = Budget()
        texts = {}
        for kind, file in asked["files"].items():
            _about(out, Path(file))
            text = render(Path(file), variables, asked["jinja"], asked["topology"], budget)
            texts[kind] = {"text": text.text, "sources": text.sources, "file": text.file}
    except InputError as error:
        return {"problems": [_told(problem) for problem in error.problems]}
    return {"texts": texts}


def _filled(asked: Mapping[str, Any]) -> Mapping[str, object]:
    """Texts that are of no file, filled in; or the first that cannot be."""
    try:
        return {"strings": filled(asked["strings"], asked["values"], asked["limit"])}
    except Unfilled as error:
        return {"unfilled": [error.number, error.what, error.mend]}


def _about(out: IO[bytes], path: Path) -> None:
    _send(out, json.dumps({"about": f"{path.parent.name}/{path.name}"}).encode())


def _told(problem: Problem) -> list[object]:
    where = problem.where or Where("")
    return [problem.what, where.file, where.line, where.column, problem.mend]
