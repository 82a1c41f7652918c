"""The examples in the docstrings of the lab itself are true, on the shipped edge and its gateway's policy."""

from __future__ import annotations

import pytest

from lab.lab import Lab
from tests.doors.shipped import plan_of
from tests.unit.docs.entries import failures

pytestmark = pytest.mark.kernel


def test_examples_are_true() -> None:
    """``rendered`` is the gateway's IPv4 ruleset, ``lab`` one that is up."""
    plan = plan_of("web-edge-gateway")
    policy = plan.policies["gateway"]
    with Lab(plan.topology, plan.policies) as lab:
        given = {"topology": plan.topology, "policies": plan.policies, "rendered": policy.v4, "lab": lab}
        tried, said = failures("lab.lab", given)
    assert tried >= 2
    assert said == ""
