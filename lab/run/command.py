"""A team's own renderer: a command that prints a ruleset.  Run without a shell, and only when the user allows it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from lab.errors import InputError, Problem
from lab.ruleset.render import MAX_CHARACTERS as MAX_BYTES
from lab.ruleset.render import Rendered

DEADLINE_S = 60


def run_renderer(command: Sequence[str], folder: Path) -> Rendered:
    """What ``command`` prints, run in ``folder``; a failure is an InputError that quotes its last words.

    It and all that it starts have `DEADLINE_S` seconds and `MAX_BYTES` bytes of output, and nothing of it goes on afterwards.
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
    try:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_BYTES, MAX_BYTES)),
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise InputError(Problem(f"the renderer {' '.join(command)!r} cannot be run: {error}")) from error
    try:
        return process.wait(timeout=DEADLINE_S)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="surrogateescape")
