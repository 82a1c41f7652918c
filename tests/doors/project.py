"""A user's project in a folder of its own, and the command line as that user runs it."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lab
from tests.doors.forked import forks

DEADLINE_S = 120
LAB = str(Path(sys.executable).with_name("lab"))
_BECOME_NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
SMALL = Path(__file__).with_name("small")
_NOT_INHERITED = ("CI", "GITHUB_ACTIONS", "FORCE_COLOR", "NO_COLOR", "COLUMNS", "TTY_COMPATIBLE", "PYTEST_ADDOPTS")


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        """All that the user saw."""
        return self.out + self.err

    def ended(self, code: int) -> Ended:
        """Itself, once it ended with ``code`` and without a traceback."""
        assert "Traceback" not in self.told, self.told
        assert self.code == code, f"ended with {self.code}, not {code}:\n{self.told}"
        return self


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Ended:
    """A command to its end, its output going into pipes."""
    inherited = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED} | dict(environment or {})
    if command[0] == LAB and (ended := forks().take(command, folder, inherited, DEADLINE_S)) is not None:
        code, *told = ended
        out, err = (io.TextIOWrapper(io.BytesIO(one), errors="surrogateescape").read() for one in told)
        return Ended(code, out, err)
    done = subprocess.run(
        command, cwd=folder, env=inherited, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, errors="surrogateescape", timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


class Project:
    """A project in ``folder``; it holds the small topology, policy and matrix of these tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(SMALL, folder, dirs_exist_ok=True)

    def lab(self, *arguments: str, before: Sequence[str] = ()) -> Ended:
        """``lab ARGUMENTS`` in the project's folder, started by the command ``before``."""
        return run([*before, LAB, *arguments], self.folder)

    def lab_with(self, code: str, *arguments: str) -> Ended:
        """``lab ARGUMENTS`` in a process where ``code`` has been run before."""
        return run([sys.executable, "-c", f"{code}\nfrom lab.cli.main import main\nmain()\n", *arguments], self.folder)

    def results(self, *arguments: str) -> dict[str, Any]:
        """What ``lab run ARGUMENTS`` writes as JSON, whatever its exit code."""
        file = self.folder / "results.json"
        done = self.lab("run", *arguments, "--json", str(file))
        assert file.is_file(), done.told
        loaded: dict[str, Any] = json.loads(file.read_text())
        assert loaded["exit_code"] == done.code
        return loaded

    def read(self, name: str) -> str:
        """A file of the project."""
        return (self.folder / name).read_text()

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace ``old``, which stands once in the file."""
        text = self.read(name)
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        self.write(name, text.replace(old, new))


class Nobody:
    """An ordinary user in a project that everybody may write into, with a Python that he may start."""

    def __init__(self, project: Project, python: str) -> None:
        self._folder, self._python = project.folder, python

    def run(self, *arguments: str) -> Ended:
        """His Python with ``arguments``; it finds what this one finds."""
        places = (str(Path(lab.__file__).parents[1]), sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
        environment = {"PYTHONPATH": os.pathsep.join(places), "HOME": str(self._folder)}
        return run([*_BECOME_NOBODY, self._python, *arguments], self._folder, environment)

    def lab(self, *arguments: str) -> Ended:
        """``lab ARGUMENTS``."""
        return self.run("-c", "from lab.cli.main import main; main()", *arguments)

    def pytest(self, *arguments: str) -> Ended:
        """``pytest ARGUMENTS``, without the help of the lab."""
        return self.run("-m", "pytest", *arguments)
