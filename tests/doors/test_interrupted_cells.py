"""A signal in the midst of a long cell: what is proven of it by then is told, and no more."""

from __future__ import annotations

import json

import pytest

from tests.doors.project import Ended, Project

pytestmark = pytest.mark.kernel

MATRIX = "matrices/small.yaml"
POLICY = "policies/small-gateway.rules.j2"
LONG = "small::nothing from there[world->web-vip udp/1001-21000]"
ROW = """
  - name: nothing from there
    from: world
    to: web-vip
    service: udp/1001-21000
    expect: drop
"""
AT_PORT_20 = """
import os, signal
from lab.run.asker import Asker
tell = Asker.tell
def stop(self, cell, done):
    tell(self, cell, done)
    if done == 20:
        os.kill(os.getpid(), signal.SIGTERM)
Asker.tell = stop
"""
IN_A_SWEEP = """
import os, signal
from lab.sweep.fates import SweepTally
tell = SweepTally.tell
def stop(self, *arguments):
    os.kill(os.getpid(), signal.SIGTERM)
    tell(self, *arguments)
SweepTally.tell = stop
"""


def interrupted(project: Project, code: str, *, sport: bool) -> tuple[Ended, list[tuple[str, str]], list[str]]:
    """How ``lab run`` of the long cell ended, its cells and notes; with ``sport`` its ports are asked one by one."""
    project.write(MATRIX, project.read(MATRIX) + ROW + ("    sport: 53\n" if sport else ""))
    done = project.lab_with(code, "run", "-k", "shell or there", "--json", "r.json").ended(143)
    said = json.loads(project.read("r.json"))
    assert (said["exit_code"], said["interrupted"]) == (143, True)
    return done, [(cell["id"], cell["result"]) for cell in said["cells"]], said["notes"]


SHELL = ("small::no shell[world->web-vip tcp/22]", "passed")


def test_a_cell_of_which_nothing_failed_is_no_result(project: Project) -> None:
    _, cells, notes = interrupted(project, AT_PORT_20, sport=True)
    assert cells == [SHELL]
    assert f"interrupted in the midst of {LONG}: 20 of 20,000 ports were asked, all of them as expected" in notes


def test_a_cell_that_is_swept_is_no_result_before_all_is_sent(project: Project) -> None:
    _, cells, _ = interrupted(project, IN_A_SWEEP, sport=False)
    assert cells == [SHELL]


def test_a_cell_of_which_a_port_failed_has_failed(project: Project) -> None:
    shell = "-A INPUT -p tcp -m tcp --dport 22"
    project.edit(POLICY, shell, f"-A INPUT -p udp -m udp --dport 1007 -j ACCEPT\n{shell}")
    done, cells, _ = interrupted(project, AT_PORT_20, sport=True)
    assert cells == [SHELL, (LONG, "fail-open")]
    assert "interrupted in the midst of it: 20 of 20,000 ports were asked" in done.out
    assert "udp/1007 (of udp/1001-21000): expected drop, is closed" in done.out
