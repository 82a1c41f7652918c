"""The lowest versions that the project names are those that it is tested with."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
_AT_LEAST = re.compile(r"([\w.-]+)>=([\d.]+)")


def test_the_lowest_versions_are_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    lowest = {found[1]: found[2] for one in asked if (found := _AT_LEAST.match(one))}
    assert len(lowest) == len(asked), "every dependency has a lowest version"
    tested = dict(re.findall(r"(?m)^([\w.-]+)==([\d.]+)$", (ROOT / "ci" / "lowest.txt").read_text()))
    assert {name: _numbers(version) for name, version in tested.items()} == {
        name: _numbers(version) for name, version in lowest.items()
    }


def _numbers(version: str) -> tuple[int, ...]:
    """``3.1`` is 3.1.0."""
    numbers = [int(part) for part in version.split(".")]
    return tuple(numbers + [0] * (4 - len(numbers)))
