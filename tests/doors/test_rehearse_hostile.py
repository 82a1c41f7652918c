"""``lab rehearse`` of commands that were written to fool it: what it says of them is true, and it comes to its end."""

from __future__ import annotations

import pytest

from tests.doors.project import Project

pytestmark = pytest.mark.kernel

CHANGE = """\
change: CHG-7
topology: small
old: {gateway: small-gateway}
new: {gateway: next}
holds: [small]
window:
  apply: {run: [sh, -c, '%s']}
  rollback-after: 5m
  ends: refused
"""


def rehearsed(project: Project, command: str) -> str:
    project.write("changes/CHG-7.yaml", CHANGE % command)
    project.write("policies/next.rules.j2", project.read("policies/small-gateway.rules.j2"))
    done = project.lab("rehearse", "changes/CHG-7.yaml", "--no-trials", "--allow-commands")
    return f"{done.code} {' '.join(f'{done.out}{done.err}'.split())}"


def test_who_kills_the_script_is_rolled_back_by_the_timer(project: Project) -> None:
    told = rehearsed(project, "iptables -F; kill -9 $PPID")
    assert told.startswith("1 ")
    assert "the timer of 300 s put the rules of before back: the node is as before" in told
    assert "FAIL it ended rolled-back, and the change says refused" in told


def test_moments_that_are_none_of_the_script_s_are_refused(project: Project) -> None:
    assert rehearsed(project, r'printf "\0357\035"') == "3 the script told the end of command 7 of 1"


def test_what_prints_without_end_is_ended(project: Project) -> None:
    assert rehearsed(project, "yes").startswith("3 the console of gateway printed more than 1 MiB in ")
