"""The programs of `apart/` as processes in network and mount namespaces of their own: they leave nothing behind.

Each is started by `apart/launch.py`, perhaps by another Python than ours, so none of them imports the lab.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lab.kernel.ground.tools import find

_APART = Path(__file__).parent / "apart"
_PATIENCE_S = 300  # for programs of others, which may wait for what never comes


@dataclass(frozen=True, slots=True)
class Apart:
    """What a program of `apart/` printed, in seconds; without numbers, ``note`` says why there are none."""

    numbers: tuple[float, ...] = ()
    note: str = ""


def run_apart(program: str, given: object = None, *, python: str = sys.executable) -> Apart:
    """Run it in namespaces of its own with ``given`` as JSON on its standard input."""
    unshare = find("unshare")
    if unshare is None:
        return Apart(note=f"{program}: unshare is not installed")
    command = [
        unshare, "--mount", "--net", "--propagation", "private", python, str(_APART / "launch.py"), f"{program}.py",
    ]  # fmt: skip
    environment = {**os.environ, "PATH": os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))}
    try:
        done = subprocess.run(
            command, input=json.dumps(given), capture_output=True, text=True, check=False, env=environment, timeout=_PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        return Apart(note=f"{program}: not done after {_PATIENCE_S} s")
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        return Apart(note=f"{program}: {said[-1]}")
    return Apart(tuple(json.loads(done.stdout)))


@lru_cache
def python_with(module: str) -> str | None:
    """A Python that has ``module``: the one that runs us, or the system's, which has what its packages brought."""
    for python in dict.fromkeys((sys.executable, find("python3"), "/usr/bin/python3")):
        if python is not None and Path(python).is_file():
            done = subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False)
            if done.returncode == 0:
                return python
    return None
