"""A handful of mangled projects and texts: `ci/fuzz` makes many more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).resolve().parents[2] / "ci" / "fuzz"


def test_mangled_projects_and_texts_end_in_words() -> None:
    command = [sys.executable, str(FUZZ), "--projects", "60", "--texts", "300", "--seed", "40", "--jobs", "1"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    counts = json.loads(ended.stdout)
    assert (ended.returncode, counts["fault"], counts["slow"]) == (0, 0, 0), ended.stderr
    assert (counts["projects"], counts["texts"]) == (60, 300)
    assert counts["refused"] > 50  # what is mangled is mostly noticed
