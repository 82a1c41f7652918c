"""Commands of the lab, and programs of `lab.bench.apart`, as processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lab.kernel.ground.tools import find

_APART = Path(__file__).parent / "apart"
_PATIENCE_S = 300  # for programs of others, which may wait for what never comes
_LAB = "from lab.cli.main import main; main()"


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended: its exit code, its time in seconds, its peak memory in megabytes of 10^6 bytes."""

    code: int
    seconds: float
    peak_mb: float


def run_lab(*arguments: str) -> Ended:
    """Run the command ``lab`` of this very code."""
    return _ended([sys.executable, "-c", _LAB, *arguments])


def run_pytest(matrix: Path) -> Ended:
    """Run pytest on one matrix, without a cache of its own."""
    return _ended([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(matrix)])


@lru_cache
def _compiled() -> tempfile.TemporaryDirectory[str]:
    """Where Python keeps what it compiled, as beside an installed package: some machines forbid it to write there."""
    return tempfile.TemporaryDirectory(prefix="lab-bench-")


def _ended(command: Sequence[str]) -> Ended:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = _compiled().name
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(child.pid, 0)
    took = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    return Ended(child.returncode, took, usage.ru_maxrss * 1024 / 1e6)


@dataclass(frozen=True, slots=True)
class Apart:
    """What a program of `lab.bench.apart` printed, in seconds; without numbers, ``note`` says why there are none."""

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
