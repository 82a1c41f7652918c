"""Labs beside each other in one machine, all with the same addresses, do not see each other."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.doors.project import DEADLINE_S, LAB
from tests.safety.conftest import ROOT

pytestmark = pytest.mark.kernel

LABS = 20
COMMAND = (LAB, "run", "matrices/mail-gateway.yaml", "-k", "office or relay and not printer", "--json")


def seen(file: Path) -> list[Any]:
    """What a run came to, cell by cell, without times."""
    keys = ("id", "result", "verdict", "rule", "decided", "differences")
    return [[cell[key] for key in keys] for cell in json.loads(file.read_text())["cells"]]


def test_twenty_at_once(tmp_path: Path) -> None:
    alone = subprocess.run([*COMMAND, str(tmp_path / "alone")], cwd=ROOT, capture_output=True, text=True, check=False)
    assert alone.returncode == 0, alone.stdout + alone.stderr
    files = [tmp_path / str(number) for number in range(LABS)]
    running = [
        subprocess.Popen([*COMMAND, str(file)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for file in files
    ]
    told = [process.communicate(timeout=DEADLINE_S)[0] for process in running]
    assert [process.returncode for process in running] == [0] * LABS, "\n".join(told)
    expected = seen(tmp_path / "alone")
    assert len(expected) > 100
    for file in files:
        assert seen(file) == expected
