"""A rule may copy a packet (TEE): a drop of the one is no deny when the other gets through."""

from __future__ import annotations

import pytest

from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import SERVER, corridor, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True


@pytest.mark.parametrize("service", ["udp/80", "tcp/80"])
def test_a_copy_that_left_counts_as_passed(lab_of: LabOf, service: str) -> None:
    copy = table("mangle", f"-A PREROUTING -i left -j TEE --gateway {SERVER}")
    lab = lab_of(corridor(), gateway=copy + table("filter", "-A FORWARD -j DROP"))
    verdict = lab.probe("client", "server", service)
    assert (verdict.kind, verdict.passed_node) == (Kind.DROPPED, True), verdict.proof
