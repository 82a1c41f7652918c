"""Projects for tests, and the users who run the lab in them."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.errors import MachineError
from lab.kernel.ground.privileges import require
from lab.prepare.scene import find_scene
from tests.doors.project import Nobody, Project, run
from tests.kept import Up, up


@pytest.fixture(scope="session", autouse=True)
def _may_build_labs() -> None:
    try:
        require()
    except MachineError as error:
        pytest.skip(str(error))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project's folder with the small matrix in it."""
    return Project(tmp_path)


@pytest.fixture
def it(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Up]:
    """The lab of the small matrix, which is up; it is called ``it``."""
    monkeypatch.setenv("LAB_RUNTIME_DIR", str(project.folder / "runtime"))
    monkeypatch.chdir(project.folder)
    scene = find_scene(Path("matrices/small.yaml"), None, {})
    with up(project.folder / "runtime", scene.topology, scene.policies) as one:
        yield one


@pytest.fixture
def open_project() -> Iterator[Project]:
    """A project that every user of the machine may write into; pytest's own folders are closed to all but one."""
    folder = Path(tempfile.mkdtemp(prefix="lab-doors-"))
    try:
        project = Project(folder)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)
        yield project
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def nobody(open_project: Project) -> Nobody:
    """An ordinary user; skips where there is no second user, or where this code or every Python is closed to him."""
    if os.geteuid() != 0 or os.environ.get("LAB_ROOTLESS") == "1":
        pytest.skip("only root can become another user")
    told = ""
    for python in (sys.executable, "/usr/bin/python3"):
        user = Nobody(open_project, python)
        tried = user.run("-c", "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', 'import lab.lab']))")
        if tried.code == 0:
            return user
        told = tried.err.strip().splitlines()[-1]
    pytest.skip(f"another user cannot start a Python that reads this checkout: {told}")


@pytest.fixture
def barred() -> tuple[str, ...]:
    """What starts a command with no right to a network namespace, nor to a user namespace."""
    barring = "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all "
    command = ("unshare", "--user", "--map-root-user", "sh", "-c", f'{barring}"$@"', "barred")
    tried = run([*command, "grep", "CapEff", "/proc/self/status"], Path("/"))
    if tried.code != 0 or set(tried.out.split()[1]) != {"0"}:
        pytest.skip(f"cannot take the right away: {tried.told.strip()}")
    return command
