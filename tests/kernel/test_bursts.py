"""Limits, seen by bursts: so many packets pass, and the others are denied by the rule that says so."""

from __future__ import annotations

import pytest

from lab.record.result import CellResult, Outcome
from tests.kernel.conftest import Project
from tests.kernel.scenes import ESTABLISHED, corridor, table

pytestmark = pytest.mark.kernel

SSH = "-A FORWARD -p tcp --dport 22 -m conntrack --ctstate NEW"
TOO_FAST = "-m comment --comment too-fast -j DROP"


def burst(project: Project, *rules: str, **keys: object) -> CellResult:
    """The result of a burst past these rules."""
    row = {"name": "burst", "from": "client", "to": "server", "service": "tcp/22", **keys}
    ran = project.run(corridor(), {"gateway": table("filter", ESTABLISHED, *rules, FORWARD="DROP")}, [row])
    assert not ran.problems, ran.problems
    return ran.results[0]


def test_limit(project: Project) -> None:
    found = burst(
        project, f"{SSH} -m limit --limit 5/min --limit-burst 5 -j ACCEPT", f"{SSH} {TOO_FAST}",
        burst={"send": 20, "pass": 5, "rest": {"expect": "drop", "rule": "too-fast"}},
    )  # fmt: skip
    assert (found.outcome, found.differences) == (Outcome.PASSED, ())
    (series,) = found.bursts
    assert [(group.numbers, str(group.verdict.kind)) for group in series.groups] == [("1-5", "allowed"), ("6-20", "dropped")]
