"""People's trouble with real firewalls, rebuilt small: what truly happens, and the words that name its cause.

A story is a project's files, and what ``lab run`` or another command must end with and say of them.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.doors.project import LAB, run

STORIES = sorted((Path(__file__).parent / "stories").glob("*.yaml"))
KEYS = {"run", "command", "exit", "says", "never", "lines"}


def in_one_line(text: str) -> str:
    """The words of what was printed, wherever its lines were broken."""
    return " ".join(text.split())


@pytest.mark.kernel
@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_a_story_ends_as_it_does_in_life(story: Path, tmp_path: Path) -> None:
    told: dict[str, Any] = YAML(typ="safe").load(story)
    for name, text in told["files"].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert told["runs"], "a story has an end"
    for one in told["runs"]:
        assert one.keys() <= KEYS
        command = [LAB, "run", *shlex.split(one["run"])] if "run" in one else [LAB, *shlex.split(one["command"])]
        ended = run(command, tmp_path)
        said = in_one_line(ended.told)
        assert ended.code == one["exit"], ended.told
        for words in one.get("says", ()):
            assert in_one_line(words) in said, f"{words!r} is not said in:\n{ended.told}"
        for words in one.get("never", ()):
            assert in_one_line(words) not in said, f"{words!r} is said in:\n{ended.told}"
        assert len(ended.told.splitlines()) <= one.get("lines", 10_000), ended.told
