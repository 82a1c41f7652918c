"""What every start waits for: nothing that few of them need."""

from __future__ import annotations

import subprocess
import sys


def test_a_plan_waits_for_nothing_that_makes_twins() -> None:
    words = "import sys, lab.prepare.plan; print(*(name for name in sys.modules if name.startswith('lab.')))"
    imported = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True).stdout.split()
    assert "lab.prepare.plan" in imported
    assert not [name for name in imported if name.startswith(("lab.twin", "lab.prepare.twins"))]
