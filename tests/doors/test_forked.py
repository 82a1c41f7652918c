"""What tests begin in a fork tells what a start tells, and each command is started once."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.doors.forked import Forks
from tests.doors.project import LAB, Project

pytestmark = pytest.mark.kernel

WAYS = {
    "green": ("run",),
    "listed": ("run", "--collect"),
    "a wrong option": ("run", "--no-such-option"),
    "a wrong file": ("run", "gone.yaml"),
    "bytes of no text": ("run", os.fsdecode(b"\xff.yaml")),
}
_TIMES = re.compile(rb"\d+\.\d+ m?s\b")


def taken(forks: Forks, folder: Path, *arguments: str, **environment: str) -> tuple[int, bytes, bytes] | None:
    return forks.take([LAB, *arguments], folder, os.environ | environment, 60)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Forks:
    forks = Forks()
    assert taken(forks, tmp_path_factory.mktemp("first"), "run") is None
    return forks


@pytest.mark.parametrize("way", WAYS)
def test_a_fork_tells_what_a_start_tells(begun: Forks, project: Project, way: str) -> None:
    started = subprocess.run([LAB, *WAYS[way]], cwd=project.folder, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    forked = taken(begun, project.folder, *WAYS[way])
    assert forked is not None
    assert forked[0] == started.returncode
    out, err = forked[1:]
    assert (_TIMES.sub(b"", out), err) == (_TIMES.sub(b"", started.stdout), started.stderr)
    assert forked[1] + forked[2]


def test_the_first_of_each_command_is_started(begun: Forks, project: Project) -> None:
    assert taken(begun, project.folder, "check") is None
    assert taken(begun, project.folder, "check") is not None


def test_what_python_reads_when_it_begins_is_started(begun: Forks, project: Project) -> None:
    assert taken(begun, project.folder, "run", PYTHONHASHSEED="7") is None


def test_the_environment_is_that_of_the_command(begun: Forks, project: Project) -> None:
    plain, coloured = taken(begun, project.folder, "run"), taken(begun, project.folder, "run", FORCE_COLOR="1")
    assert plain is not None
    assert coloured is not None
    assert (b"\x1b[32m" in plain[1], b"\x1b[32m" in coloured[1]) == (False, True)


def test_what_does_not_end_is_killed(begun: Forks, project: Project) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        begun.take([LAB, "run"], project.folder, os.environ, 0)
    assert taken(begun, project.folder, "run", "--collect") is not None
