"""Real time in the midst of a flow: what conntrack forgets meanwhile, and that a report names it."""

from __future__ import annotations

import pytest

from lab.record.result import Outcome
from lab.ruleset.backend import Backend
from tests.kernel.conftest import Project
from tests.kernel.dual import dual
from tests.kernel.scenes import ESTABLISHED, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

ASKS = "-A FORWARD -i left -p udp -m conntrack --ctstate NEW -m comment --comment asks -j ACCEPT"
RULES = table("filter", ESTABLISHED, ASKS, FORWARD="DROP")
STAGE = dual(sysctls={"net.netfilter.nf_conntrack_udp_timeout": 1})  # seconds: nothing less can be said


def test_an_answer_that_comes_too_late_is_new(project: Project, backend: Backend) -> None:
    row = {"name": "late", "from": "client", "to": "server", "service": "udp/53", "family": 4}
    steps = [{"send": {"expect": "allow", "rule": "asks"}}, {"wait": "1100ms"}, {"answer": "drop"}]
    at_once = [{"send": {"expect": "allow", "rule": "asks"}}, {"answer": {"expect": "allow", "rule": "answers"}}]
    rows = [{**row, "steps": steps}, {**row, "name": "in time", "steps": at_once}]
    late, in_time = project.run(STAGE, {"gateway": RULES}, rows, backend=backend).results
    assert (late.outcome, in_time.outcome) == (Outcome.PASSED, Outcome.PASSED), (late.differences, in_time.differences)
    waited = late.steps[1]
    assert "wait 1.1 s" in waited.words
    assert waited.verdict is None
    assert waited.seconds >= 1.1
