"""The examples in the docstrings of who asks, and of what stands, are true on the shipped edge with its gateway's policy."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from lab.kernel.stage.handles import NetworkHandles
from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.probe.question import Handshake, Question
from lab.site import Site
from tests.doors.shipped import plan_of
from tests.unit.docs.entries import failures

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def edge() -> Plan:
    return plan_of("web-edge-gateway")


def check(module: str, given: Mapping[str, object], least: int) -> None:
    tried, said = failures(module, given)
    assert tried >= least
    assert said == ""


def test_who_asks(edge: Plan) -> None:
    """``rendered`` is the gateway's IPv4 ruleset, ``lab`` one that is up."""
    rendered = edge.policies["gateway"].v4
    with Lab(edge.topology, edge.policies) as lab:
        given = {"topology": edge.topology, "policies": edge.policies, "rendered": rendered, "lab": lab}
        check("lab.lab", given, 3)


def test_a_flow_that_is_held_open(edge: Plan) -> None:
    question = Question("admin", "10.0.9.10", "10.0.2.10", Handshake(22))
    with Lab(edge.topology, edge.policies) as lab, lab.batch():
        check("lab.probe.conversation", {"stage": lab.stage, "question": question}, 1)


def test_what_stands(edge: Plan) -> None:
    """``told`` are the handles of what another process keeps; here it is the same one."""
    with Site(edge.topology, edge.policies) as site:
        told = site.network.handles.to_json()
        given = {"topology": edge.topology, "policies": edge.policies, "told": told}
        check("lab.site", given | {"Lab": Lab, "NetworkHandles": NetworkHandles}, 1)
