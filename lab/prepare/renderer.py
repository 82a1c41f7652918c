"""A team's own renderer: a command that prints a ruleset.  Run without a shell, and only when the user allows it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from lab.errors import InputError, Problem
from lab.prepare import guard
from lab.ruleset.render import MAX_CHARACTERS as MAX_BYTES
from lab.ruleset.render import Rendered

DEADLINE_S = 60
# Of the environment it is given what programs need to run, and what was named for it; no token or password of this machine.
ENVIRONMENT = ("HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER", "VIRTUAL_ENV")
PREFIXES = ("LAB_", "LC_")


def run_renderer(command: Sequence[str], folder: Path) -> Rendered:
    """What ``command`` prints, run in ``folder``; a failure is an InputError that quotes its last words.

    It and all that it starts have `DEADLINE_S` seconds and `MAX_BYTES` bytes of output, die with this process, and nothing of
    it goes on afterwards.  Of the environment it has `ENVIRONMENT` and the variables that begin with `PREFIXES`.
    """
    shown = " ".join(command)
    with os.fdopen(os.memfd_create("out"), "w+b") as out, os.fdopen(os.memfd_create("err"), "w+b") as err:
        code = _run(command, folder, out, err)
        text, said = _text(out), _text(err).strip().splitlines()
    if code is None:
        raise InputError(Problem(f"the renderer {shown!r} did not end within {DEADLINE_S} s"))
    if code == -signal.SIGXFSZ or len(text) >= MAX_BYTES:
        raise InputError(Problem(f"the renderer {shown!r} printed more than {MAX_BYTES >> 20} MiB"))
    if code != 0:
        raise InputError(Problem(f"the renderer {shown!r} failed with code {code}: {said[-1] if said else 'it said nothing'}"))
    if not text.isascii() and any("\udc80" <= one <= "\udcff" for one in text):
        raise InputError(Problem(f"the renderer {shown!r} printed what is not UTF-8"))
    lines = text.count("\n") + 1
    return Rendered(text, tuple(f"{shown}:{number}" for number in range(1, lines + 1)), shown)


def _run(command: Sequence[str], folder: Path, out: IO[bytes], err: IO[bytes]) -> int | None:
    """Its exit code; None when it did not end in time."""
    ours, theirs = os.pipe()
    guarded = [sys.executable, "-I", "-S", guard.__file__, str(os.getpid()), str(theirs), str(MAX_BYTES), *command]
    try:
        process = subprocess.Popen(
            guarded, executable=guard.THIS_PYTHON, cwd=folder, env=_environment(os.environ), stdin=subprocess.DEVNULL,
            stdout=out, stderr=err, pass_fds=(theirs,), start_new_session=True,
        )  # fmt: skip
    finally:
        os.close(theirs)
    with os.fdopen(ours, "rb") as status:
        try:
            in_time = bool(select.select([status], [], [], DEADLINE_S)[0])
        finally:
            process.terminate()  # what it still runs, it ends
            process.wait()
        told = status.read().decode(errors="replace") if in_time else None
    if told is None or told.lstrip("-").isdecimal():
        return int(told) if told is not None else None
    raise InputError(Problem(f"the renderer {' '.join(command)!r} cannot be run: {told or 'its guard was killed'}"))


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name in ENVIRONMENT or name.startswith(PREFIXES)}


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="surrogateescape")
