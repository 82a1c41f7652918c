"""``lab guard``: a script that is printed once it has held, and else one that makes no change."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.doors.project import Project

pytestmark = pytest.mark.kernel

CHANGE = """\
change: CHG-7
topology: small
old: {gateway: small-gateway}
new: {gateway: next}
window: {admin: {from: world, to: web-vip, service: tcp/443}, rollback-after: 5m}
"""


def with_change(project: Project, edit: tuple[str, str] = ("", ""), change: str = CHANGE) -> Project:
    project.write("changes/CHG-7.yaml", change)
    project.write("policies/next.rules.j2", project.read("policies/small-gateway.rules.j2").replace(*edit))
    return project


def test_it_is_printed_once_it_held_in_every_trial(project: Project) -> None:
    done = with_change(project).lab("guard", "changes/CHG-7.yaml").ended(0)
    assert done.out.startswith("#!/bin/sh\n# Makes the change CHG-7, ")
    assert "\nseconds=300\n" in done.out
    lines = done.err.splitlines()
    assert lines[:2] == ["ok      the admin comes in before the change", "ok      it is confirmed by a new connection"]
    assert all(line.startswith("ok ") for line in lines)
    commands = int(next(line for line in done.out.splitlines() if line.startswith("commands=")).partition("=")[2])
    assert len(lines) == 8 + min(commands, 12) + 1
    if shutil.which("shellcheck") is not None:
        project.write("guard.sh", done.out)
        subprocess.run(["shellcheck", "--norc", project.folder / "guard.sh"], check=True)


def test_where_a_trial_fails_there_is_none_and_yesterday_s_is_gone(project: Project) -> None:
    with_change(project, change=CHANGE.replace("tcp/443", "tcp/8444"))
    project.write("guard.sh", "#!/bin/sh\n# Makes the change CHG-7, as it was yesterday")
    done = project.lab("guard", "changes/CHG-7.yaml", "-o", "guard.sh").ended(1)
    assert done.err == "FAILED  the admin comes in before the change: dropped by gateway filter:INPUT policy\n"
    assert done.out == ""
    ran = subprocess.run(["sh", project.folder / "guard.sh", "apply"], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr == f"CHG-7 makes no change: {done.err.partition('  ')[2]}"


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (("tcp/443", "udp/53"), "the admin's path is one port of tcp, and not udp/53\n"),
        (("new: {gateway: next}", "new: {web: next}"), "changes no node that it says both sides of"),
    ],
)
def test_what_cannot_be_guarded_is_told_before_anything_is_built(project: Project, edit: tuple[str, str], told: str) -> None:
    done = with_change(project, change=CHANGE.replace(*edit)).lab("guard", "changes/CHG-7.yaml").ended(2)
    assert told in done.err
    assert done.out.startswith("#!/bin/sh\n# Makes no change: ")
