"""A team's own renderer: a command that prints a ruleset.  Run without a shell, and only when the user allows it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab.errors import InputError, Problem
from lab.ruleset.render import Rendered

DEADLINE_S = 60


def run_renderer(command: Sequence[str], folder: Path) -> Rendered:
    """What ``command`` prints, run in ``folder``; a failure is an InputError that quotes its last words."""
    shown = " ".join(command)
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise InputError(Problem(f"the renderer {shown!r} did not end within {DEADLINE_S} s")) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Problem(f"the renderer {shown!r} cannot be run: {error}")) from error
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise InputError(Problem(f"the renderer {shown!r} failed with code {done.returncode}: {said}"))
    lines = done.stdout.count("\n") + 1
    return Rendered(done.stdout, tuple(f"{shown}:{number}" for number in range(1, lines + 1)), shown)
