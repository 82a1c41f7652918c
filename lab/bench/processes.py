"""Commands of the lab as processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from select import select

_LAB = "from lab.cli.main import main; main()"


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended: its exit code, its time in seconds, its peak memory in megabytes of 10^6 bytes."""

    code: int
    seconds: float
    peak_mb: float


def run_lab(*arguments: str, patience_s: float | None = None) -> Ended:
    """Run the command ``lab`` of this very code; after ``patience_s`` seconds it is ended, with a code below 0."""
    return _ended([sys.executable, "-c", _LAB, *arguments], patience_s)


def run_pytest(matrix: Path) -> Ended:
    """Run pytest on one matrix, without a cache of its own."""
    return _ended([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(matrix)])


@lru_cache
def _compiled() -> tempfile.TemporaryDirectory[str]:
    """Where Python keeps what it compiled, as beside an installed package: some machines forbid it to write there."""
    return tempfile.TemporaryDirectory(prefix="lab-bench-")


def _ended(command: Sequence[str], patience_s: float | None = None) -> Ended:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = _compiled().name
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    with os.fdopen(os.pidfd_open(child.pid)) as ends:
        if not select([ends], [], [], patience_s)[0]:
            child.kill()
    _, status, usage = os.wait4(child.pid, 0)
    took = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    return Ended(child.returncode, took, usage.ru_maxrss * 1024 / 1e6)
