"""The dumps of real firewalls beside the checkout, and what it takes to load them.

They are not the project's to copy: a test that needs one skips where it is not there.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.ruleset.mend import mend
from lab.ruleset.render import Rendered

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[3] / "shared" / "rulesets"
DUMPS = sorted(path.parent.name for path in HERE.glob("*/matrix.yaml"))


def path_of(name: str) -> Path:
    """The dump called ``name``; skips the test where it is not there."""
    path = FOLDER / f"{name}.v4.rules"
    if not path.exists():
        pytest.skip(f"{path.name} is not beside the checkout")
    return path


def loadable_text(path: Path) -> str:
    """The dump's text as iptables of today takes it."""
    return mend(path.read_text()).text


def loadable(name: str) -> Rendered:
    """The dump, ready to be loaded; its lines are those of the file."""
    path = path_of(name)
    mended = mend(path.read_text())
    return Rendered(mended.text, tuple(f"{path.name}:{line}" for line in mended.lines), path.name)
