"""What a node holds is told whole: it is equal to itself, and differs by exactly what was changed."""

from __future__ import annotations

import pytest

from lab.kernel.hold.state import state_of
from lab.record.node_state import NodeState
from lab.record.verdict import Kind
from lab.ruleset.backend import Backend
from lab.verdict.restored import left_over
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import ESTABLISHED, corridor, rulesets, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

WEB = "-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT"
OPEN = table("filter", ESTABLISHED, WEB, FORWARD="DROP")
SHUT = table("filter", ESTABLISHED, FORWARD="DROP") + table("nat", "-A POSTROUTING -o right -j MASQUERADE")


def differences(before: NodeState, after: NodeState) -> list[tuple[str, bool]]:
    return [(one.what, one.carried) for one in left_over(before, after)]


def test_another_policy_is_told_line_by_line_and_its_way_back_leaves_nothing(lab_of: LabOf, backend: Backend) -> None:
    lab = lab_of(corridor(), gateway=OPEN)
    gateway = lab.network.nodes["gateway"]
    before = state_of(gateway, backend)
    assert lab.probe("client", "server", "tcp/80").allowed
    probed = state_of(gateway, backend)
    lab.load("gateway", rulesets(SHUT))
    assert lab.probe("client", "server", "tcp/80").kind is Kind.DROPPED
    changed = state_of(gateway, backend)
    lab.load("gateway", rulesets(OPEN))
    assert differences(before, probed) == differences(before, state_of(gateway, backend)) == []
    assert differences(before, changed) == [
        (f"- iptables {WEB}", False), ("+ iptables -t nat -A POSTROUTING -o right -j MASQUERADE", False),
    ]  # fmt: skip
