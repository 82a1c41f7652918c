"""A rule may copy a packet (TEE): a drop of the one is no deny when the other gets through."""

from __future__ import annotations

import pytest

from lab.record.verdict import Kind
from lab.report.exposure import exposure_lines
from lab.study.exposure import measure
from tests.kernel.conftest import LabOf, Project
from tests.kernel.scenes import SERVER, corridor, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True


@pytest.mark.parametrize("service", ["udp/80", "tcp/80"])
def test_a_copy_that_left_counts_as_passed(lab_of: LabOf, service: str) -> None:
    copy = table("mangle", f"-A PREROUTING -i left -j TEE --gateway {SERVER}")
    lab = lab_of(corridor(), gateway=copy + table("filter", "-A FORWARD -j DROP"))
    verdict = lab.probe("client", "server", service)
    assert (verdict.kind, verdict.passed_node) == (Kind.DROPPED, True), verdict.proof


def test_a_port_that_a_copy_alone_reaches_is_exposed(project: Project) -> None:
    copy = table("mangle", f"-A PREROUTING -i left -p tcp --dport 25 -j TEE --gateway {SERVER}")
    plans = project.plans(corridor(), {"gateway": copy + table("filter", "-A FORWARD -i left -j DROP")}, [
        {"name": "mail", "from": "client", "to": "server", "service": "tcp/25", "expect": "deny"}])  # fmt: skip
    for every_port in (False, True):
        report = measure(plans, (4,), ["client"], ["server"], every_port=every_port, then=None, progress=lambda *_: None)
        (one,) = report.exposures
        assert (one.proto, one.ports, one.kind, one.arrived and one.arrived.at) == ("tcp", ((25, 25),), Kind.DROPPED, "server")
        assert any("25" in line and "dropped, but a copy got through -> server" in line for line in exposure_lines(report))
